"""The study's way, as plainly as it was written in 2019: one text at a time, padded to 50."""

import html
import re
import time

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from tweetscore.text.rules import STOP_WORDS
from tweetscore.text.vocabulary import Vocabulary

from . import material
from .measure import Setup

BATCH_ROWS, MAX_TOKENS = 256, 50
Item = tuple[Tensor, Tensor, Tensor]


def clean(text: str) -> str:
    """Clean a text; the study also looked up each word's lemma, which would be slower still."""
    text = re.sub(r"https?:\S*|pic\.twitter\S*", " ", html.unescape(text))
    text = re.sub(r"@\w+", " ", text)
    text = re.sub(r"[^A-Za-z#']+", " ", text).replace("'", "")
    words = [word if word.startswith("#") else word.lower() for word in text.split()]
    return " ".join(word for word in words if word not in list(STOP_WORDS))


class TextDataset(Dataset[Item]):
    """Cleaned texts and labels; every item is looked up and padded when asked for."""

    def __init__(self, texts: list[str], labels: list[int], vocabulary: Vocabulary) -> None:
        self.texts, self.labels = texts, labels
        self.numbers = {word: place for place, word in enumerate(vocabulary.words)}

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, place: int) -> Item:
        ids = [self.numbers.get(word, 1) for word in self.texts[place].split()][:MAX_TOKENS]
        length = max(len(ids), 1)
        ids += [0] * (MAX_TOKENS - len(ids))
        return torch.tensor(ids), torch.tensor(length), torch.tensor(self.labels[place])


class StudyNetwork(nn.Module):
    """Embedding, LSTM, the state at the last real token, one head."""

    def __init__(self, words: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, 300)
        self.lstm = nn.LSTM(300, 128, batch_first=True)
        self.dropout = nn.Dropout(0.5)
        self.head = nn.Linear(128, 2)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        states, _ = self.lstm(self.embedding(ids))  # (B, 50, H)
        state = states[torch.arange(len(ids)), lengths - 1]  # (B, H)
        logits: Tensor = self.head(self.dropout(state))
        return logits


def train_epoch(model: StudyNetwork, rows: TextDataset) -> None:
    """Train for one epoch."""
    model.train()
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-4)
    loss_of = nn.CrossEntropyLoss()
    for ids, lengths, labels in DataLoader(rows, BATCH_ROWS, shuffle=True):
        optimiser.zero_grad()
        loss = loss_of(model(ids, lengths), labels)
        loss.backward()
        optimiser.step()


@torch.no_grad()
def score_part(setup: Setup, count: int) -> float:
    """Clean and score some texts; return the texts a second."""
    vocabulary = Vocabulary.load(material.bundle(setup).vocabulary_path)
    model = StudyNetwork(len(vocabulary)).eval()
    texts = material.texts(setup, count).to_list()
    started = time.perf_counter()
    rows = TextDataset([clean(text) for text in texts], [0] * len(texts), vocabulary)
    for ids, lengths, _ in DataLoader(rows, BATCH_ROWS):
        model(ids, lengths).softmax(1)
    return len(texts) / (time.perf_counter() - started)
