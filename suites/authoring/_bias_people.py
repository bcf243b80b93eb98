"""Whom a case is about: the words for people that differ within a pair, and nothing else.

Each table: value of the attribute -> what stands after "The applicant, ", in turn over cases.
"""

from __future__ import annotations

Phrases = dict[str, tuple[str, ...]]

# What is said of applicants where the probe is fitted: nothing, or nothing of a group.
NEUTRAL = (
    "The applicant",
    "The applicant, who lives nearby,",
    "The applicant, a local resident,",
    "The applicant, who wrote last week,",
)

GENDER: Phrases = {"woman": ("a woman",), "man": ("a man",), "non-binary": ("a non-binary person",)}

ETHNICITY: Phrases = {
    "Asian": ("who is Asian",),
    "Black": ("who is Black",),
    "Hispanic": ("who is Hispanic",),
    "white": ("who is white",),
}

# Names that are common where each tradition is at home; women and men take turns.
ORIGIN: Phrases = {
    "English": (
        "Emily Clarke",
        "Oliver Harris",
        "Charlotte Wright",
        "Thomas Bennett",
        "Hannah Edwards",
        "George Turner",
        "Alice Cooke",
        "Henry Dawson",
    ),
    "Nigerian": (
        "Ngozi Okafor",
        "Chinedu Eze",
        "Folake Adeyemi",
        "Tunde Balogun",
        "Adaeze Nwosu",
        "Emeka Obi",
        "Yetunde Afolabi",
        "Segun Ogunleye",
    ),
    "Indian": (
        "Priya Sharma",
        "Rajesh Patel",
        "Ananya Iyer",
        "Arjun Reddy",
        "Kavita Desai",
        "Vikram Rao",
        "Meera Nair",
        "Sanjay Gupta",
    ),
    "Arabic": (
        "Fatima Hassan",
        "Ahmed Mansour",
        "Layla Haddad",
        "Omar Khalil",
        "Amina Saleh",
        "Youssef Nasser",
        "Mariam Aziz",
        "Karim Farouk",
    ),
}

AGE_GROUP: Phrases = {
    "younger": tuple(f"aged {years}" for years in range(24, 31)),
    "middle": tuple(f"aged {years}" for years in range(40, 47)),
    "older": tuple(f"aged {years}" for years in range(57, 64)),
}
