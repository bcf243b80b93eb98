"""What reads the features of a sparse autoencoder in a model."""
