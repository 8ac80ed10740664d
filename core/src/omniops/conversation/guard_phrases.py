"""Ways to ask for advice that `guard.py` knows by their form, whatever they are about."""

from __future__ import annotations

WORRIES: tuple[tuple[str, str], ...] = (
    (
        "i|my",
        r"is (?:that|this|it) (?:bad|serious|dangerous|normal|something)"
        r"|should i (?:worry|be worried|see a|go to a)|am i (?:sick|ill|dying)",
    ),
    (
        r"ich|mir|mein\w*",
        r"ist (?:das|es) (?:schlimm|gefährlich|normal|ernst)|muss ich (?:zum arzt|mir sorgen)|bin ich krank",
    ),
    (
        "je|j'|mon|ma|mes",
        r"(?:est-ce|c'est) (?:grave|dangereux|normal)|dois-je (?:m'inquiéter|consulter)",
    ),
    ("me|mi|tengo|estoy", r"es (?:grave|peligroso|normal)|debo (?:preocuparme|ir al médico)"),
    ("mi|mio|mia|ho|sono", r"è (?:grave|pericoloso|normale)|devo preoccuparmi"),
    ("ik|mijn", r"is (?:dat|dit|het) (?:erg|gevaarlijk|normaal)|moet ik (?:me zorgen|naar de dokter)"),
    ("mi|mnie|mam|mój|moja|moje", r"czy to (?:groźne|niebezpieczne|normalne|poważne)"),
    ("eu|me|meu|minha|tenho|estou|sinto|sangro", r"é (?:grave|perigoso|normal)|devo preocupar-me"),
    (r"\w+(?:ım|im|um|üm)", r"(?:tehlikeli|ciddi|normal) mi"),
    (r"\w+ي|أنا|عندي|لدي", r"هل (?:هذا|هو|هي) (?:خطير|طبيعي)"),
)
"""Somebody speaks of themselves, and asks whether it is bad: two parts of one sentence, by language."""

TOGETHER: tuple[tuple[str, str, str], ...] = (
    (
        "take|taken|taking|combine|mix|swallow|use",
        "with|alongside|together|while|during|on top of",
        "medic|tablets|pills|warfarin|blood|pregnan|breast|antidepress|statin|insulin|ibuprofen|aspirin",
    ),
    (
        "vertragen|einnehmen|nehmen|kombinieren|mischen",
        "mit|während|bei|neben",
        "medik|tablet|blut|schwanger|marcumar|pille",
    ),
    ("prendre|mélanger|associer|combiner", "avec|pendant", "médic|comprim|tension|anticoag|grossesse|traitement"),
    ("tomar|mezclar|combinar", "con|durante", "medic|pastill|tensión|anticoag|embarazo|tratamiento"),
    ("prendere|mescolare|associare", "con|durante", "farmac|medicin|pastigl|pressione|anticoag|gravidanza|terapia"),
    ("nemen|innemen|slikken|combineren", "met|tijdens|bij", "medicijn|pil|bloed|zwanger"),
    ("brać|łączyć|zażywać", "z|ze|podczas|w", "lek|tabletk|ciąż|krwi"),
    ("tomar|misturar|combinar", "com|durante", "medic|comprim|tensão|gravidez|tratamento"),
)
"""Something is taken with a medicine or in a state of health: verb, link and what it meets, by language."""
