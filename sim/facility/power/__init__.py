"""The electrical side: conversion losses, redundancy, breakers, and what power is stranded."""
