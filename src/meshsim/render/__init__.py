"""Renderers: they read a finished Report and nothing else, so a trace saved last year can be drawn today."""
