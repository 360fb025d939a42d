"""The network that training fits, chosen here and nowhere else."""

from tweetscore.training.classifier import Classifier
from tweetscore.training.lstm import LstmClassifier

NETWORK: type[Classifier] = LstmClassifier
