"""What the two reports of the 2019 study printed, and the faults that its code carries."""

# Test accuracies in per cent, by interval in minutes.
FIRST_REPORT = {5: 53.00, 10: 54.13, 15: 55.18, 20: 55.77, 30: 56.18, 40: 55.47, 50: 53.69}
FINAL_REPORT = {5: 52.95, 10: 53.82, 15: 53.31, 20: 55.28, 30: 50.92, 40: 53.22}
# With trained vectors, with counts; at one interval only.
REPORTED_ABLATION_MINUTES = 5
REPORTED_ABLATION = {
    (True, True): 52.95,
    (True, False): 52.63,
    (False, True): 52.71,
    (False, False): 51.38,
}


def reported_ablation(interval_minutes: int, vectors: bool, counts: bool) -> float | None:
    """Return what the study reported of one network, in per cent; None at another interval."""
    same = interval_minutes == REPORTED_ABLATION_MINUTES
    return REPORTED_ABLATION[vectors, counts] if same else None


LABEL_FAULTS = (  # of its own tables
    "labels: tweets in UTC were matched to prices in New York time, so each label is 4 or 5 hours "
    "off",
    "labels: an equal price counts as down",
)
ORIGINAL_FAULTS = (  # of its protocol
    "split: random, so neighbours in time and copies of a text are in both parts",
    "vocabulary and trained word vectors: made from all rows, including the test part",
    "best epoch: chosen on the test part, so it is the luckiest of all epochs",
    "counts: read days after the window. The study's own train.py never passes them to the "
    "network, so its figures with counts are really without; here they are connected",
    "optimiser: a new Adam every epoch, which forgets its moments",
)
ORIGINAL_VERDICT = (
    "These accuracies are no evidence of skill: the best epoch was chosen on the rows that it is "
    "measured on. Use --protocol honest."
)
