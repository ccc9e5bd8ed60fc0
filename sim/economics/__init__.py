"""The economics of inference: what runs cost by place, chip, model, load and way to own."""
