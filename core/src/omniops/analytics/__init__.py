"""Page views and clicks of visitors who said yes to being counted, and the counts by day."""
