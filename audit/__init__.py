"""The hall: models, engine, organisms and the command line. It imports every room."""
