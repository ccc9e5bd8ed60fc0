"""What a study, a plan or a search answers, in sentences for pages and terminal."""
