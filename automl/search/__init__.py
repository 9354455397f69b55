"""Trying candidates: budget, schedule, studies, workers, leaderboard."""
