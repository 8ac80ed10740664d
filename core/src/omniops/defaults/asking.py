"""Words that ask rather than say what about, by language. On a small site they are rare, and would count as what it
knows nothing of; and they tell in which of a site's languages a question is written."""

from __future__ import annotations

ASKING: dict[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in {
        "en": "a an and any are at be been by can could did do does for from had has have how i if in is it its long "
        "many may me might much my of on or our shall should so than that the their them there these they this to us "
        "was we were what when where which who whom whose why will with would you your",
        "de": "aber als am an auch auf aus bei bekomme bieten bin bis da das dass dem den der des die dies diese du "
        "ein eine einen einem einer er es für gibt habe haben hat ich ihr ihre ihren im in ist kann können lange man "
        "mein meine mich mir mit muss müssen nach nicht noch nur oder sie sind so über um und uns unser vom von wann "
        "war warum was welche welchen welcher welches wenn wer werden wie wieviel viel will wir wird wo woher wohin "
        "zu zum zur",
        "es": "a al algo con como cómo cual cuál cuáles cuando cuándo cuanta cuánta cuántas cuanto cuánto cuántos de "
        "del desde donde dónde el en es esta está están este estoy ha hace hacen hago hasta hay la las le les lo los "
        "me mi mis o para pero por puede pueden puedo que qué quién quiero se ser si sí sin sobre son su sus también "
        "te tengo tiene tienen tienes tu un una unas uno unos ustedes y yo",
        "fr": "à a ai as au aux avec avez ce ces cet cette combien comme comment d dans de des du elle en entre es est "
        "et être faire faut il ils j je jusqu l la le les leur ma me mes moi mon n ne nos notre nous on ont ou où par "
        "pas pour pourquoi puis peut quand que quel quelle quelles quels qu qui quoi s sa se serai ses si son sont "
        "sur t ta te tu un une vos votre vous y",
        "nl": "aan al als bij dan dat de deze die dit door een en er geef heb hebben heeft het hij hoe hoeveel ik in "
        "is ja je jij jullie kan kun kunnen kunt lang mag me mij mijn moet moeten na naar niet nog nu of om onder ons "
        "onze ook op over te tot u uit uw van vanaf voor waar waarom wanneer was wat we welk welke wel wie wij wil "
        "worden wordt ze zich zij zijn zit zo",
        "pl": "a aby albo ale bez być chcę co czy dla do gdzie i ich ile im ja jak jaka jaki jakie jakiej jakich jako "
        "jest jestem jesteście jeśli już kiedy kto która które którego której który którą lub ma macie mam "
        "mi mnie mogę moja moje mój można muszę na nam nas nasz nie o od oraz państwo po pod przez przy się skąd są "
        "ta tak także tam te tego ten teraz to tu tylko u w was wasz we wolno z za ze że żeby",
    }.items()
}
