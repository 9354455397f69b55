"""What comes out: the blend, the predictor, the saved model."""
