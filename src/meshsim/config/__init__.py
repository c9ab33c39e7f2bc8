"""Reading what users have: texts become documents and views. Nothing here knows what a listener is for."""
