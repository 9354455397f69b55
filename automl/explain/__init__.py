"""What each column of the user's table contributed to a prediction."""
