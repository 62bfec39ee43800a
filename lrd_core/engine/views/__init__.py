"""Views: one file a picture that a job makes of its training, for whoever looks at it."""
