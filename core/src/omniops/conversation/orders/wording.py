"""What core itself says of orders, by language. Where one is missing, English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Phrase = Literal["asked", "wrong", "right", "away", "often", "form", "number", "email", "send", "mail_subject", "mail"]

_WORDS: Mapping[str, Mapping[Phrase, str]] = {
    "en": {
        "asked": "If this order number and this e-mail address belong together, a code of 8 digits is on its way to "
        "that address. Please write it here. It is good for 10 minutes.",
        "wrong": "This code is not right, or its time is over. You can ask for a new one with your order number and "
        "e-mail address.",
        "right": "Thank you, the code is right. For an hour this chat can tell you about this order.",
        "away": "The shop does not answer at the moment. Please ask again later.",
        "often": "That was tried too often. Please try again in an hour.",
        "form": "To see an order, please give its number and the e-mail address that you ordered with.",
        "number": "Order number",
        "email": "E-mail address",
        "send": "Send me a code",
        "mail_subject": "Your code",
        "mail": "Your code is {}. Write it in the chat in which you asked about your order. It is good for 10 minutes, "
        "once.\n\nYou did not ask? Then do nothing and give the code to nobody.",
    },
    "de": {
        "asked": "Wenn diese Bestellnummer und diese E-Mail-Adresse zusammengehören, ist ein Code aus 8 Ziffern an "
        "diese Adresse unterwegs. Bitte schreiben Sie ihn hier. Er gilt 10 Minuten.",
        "wrong": "Dieser Code stimmt nicht oder ist abgelaufen. Mit Bestellnummer und E-Mail-Adresse können Sie einen "
        "neuen anfordern.",
        "right": "Danke, der Code stimmt. Eine Stunde lang gibt dieser Chat Auskunft über diese Bestellung.",
        "away": "Der Shop antwortet gerade nicht. Bitte fragen Sie später noch einmal.",
        "often": "Das wurde zu oft versucht. Bitte versuchen Sie es in einer Stunde wieder.",
        "form": "Um eine Bestellung zu sehen, nennen Sie bitte ihre Nummer und die E-Mail-Adresse der Bestellung.",
        "number": "Bestellnummer",
        "email": "E-Mail-Adresse",
        "send": "Code senden",
        "mail_subject": "Ihr Code",
        "mail": "Ihr Code ist {}. Schreiben Sie ihn in den Chat, in dem Sie nach Ihrer Bestellung gefragt haben. Er "
        "gilt 10 Minuten, einmal.\n\nSie haben nicht gefragt? Dann tun Sie nichts und geben Sie den Code niemandem.",
    },
    "fr": {
        "asked": "Si ce numéro de commande et cette adresse e-mail vont ensemble, un code à 8 chiffres est en route "
        "vers cette adresse. Écrivez-le ici. Il est valable 10 minutes.",
        "wrong": "Ce code n’est pas le bon, ou il a expiré. Vous pouvez en demander un autre avec votre numéro de "
        "commande et votre adresse e-mail.",
        "right": "Merci, le code est bon. Pendant une heure, ce chat peut vous renseigner sur cette commande.",
        "away": "La boutique ne répond pas pour le moment. Redemandez plus tard.",
        "often": "Il y a eu trop d’essais. Réessayez dans une heure.",
        "form": "Pour voir une commande, indiquez son numéro et l’adresse e-mail de la commande.",
        "number": "Numéro de commande",
        "email": "Adresse e-mail",
        "send": "Envoyer un code",
        "mail_subject": "Votre code",
        "mail": "Votre code est {}. Écrivez-le dans le chat où vous avez posé votre question. Il est valable 10 "
        "minutes, une fois.\n\nVous n’avez rien demandé ? Ne faites rien et ne donnez ce code à personne.",
    },
    "es": {
        "asked": "Si este número de pedido y este correo electrónico van juntos, un código de 8 cifras está en camino "
        "a esa dirección. Escríbalo aquí. Vale 10 minutos.",
        "wrong": "Este código no es correcto o ha caducado. Puede pedir otro con su número de pedido y su correo "
        "electrónico.",
        "right": "Gracias, el código es correcto. Durante una hora este chat puede informarle de este pedido.",
        "away": "La tienda no responde en este momento. Vuelva a preguntar más tarde.",
        "often": "Se ha intentado demasiadas veces. Inténtelo de nuevo dentro de una hora.",
        "form": "Para ver un pedido, indique su número y el correo electrónico del pedido.",
        "number": "Número de pedido",
        "email": "Correo electrónico",
        "send": "Enviar un código",
        "mail_subject": "Su código",
        "mail": "Su código es {}. Escríbalo en el chat en el que preguntó por su pedido. Vale 10 minutos, una vez."
        "\n\n¿No lo ha pedido? No haga nada y no dé el código a nadie.",
    },
    "it": {
        "asked": "Se questo numero d’ordine e questo indirizzo e-mail corrispondono, un codice di 8 cifre è in arrivo "
        "a quell’indirizzo. Lo scriva qui. Vale 10 minuti.",
        "wrong": "Questo codice non è giusto o è scaduto. Può chiederne un altro con il numero d’ordine e l’indirizzo "
        "e-mail.",
        "right": "Grazie, il codice è giusto. Per un’ora questa chat può informarla su questo ordine.",
        "away": "Il negozio al momento non risponde. Chieda di nuovo più tardi.",
        "often": "Ci sono stati troppi tentativi. Riprovi tra un’ora.",
        "form": "Per vedere un ordine, indichi il numero e l’indirizzo e-mail dell’ordine.",
        "number": "Numero d’ordine",
        "email": "Indirizzo e-mail",
        "send": "Invia un codice",
        "mail_subject": "Il suo codice",
        "mail": "Il suo codice è {}. Lo scriva nella chat in cui ha chiesto del suo ordine. Vale 10 minuti, una volta."
        "\n\nNon lo ha chiesto? Non faccia nulla e non dia il codice a nessuno.",
    },
    "nl": {
        "asked": "Als dit bestelnummer en dit e-mailadres bij elkaar horen, is een code van 8 cijfers onderweg naar "
        "dat adres. Schrijf hem hier. Hij geldt 10 minuten.",
        "wrong": "Deze code klopt niet of is verlopen. U kunt een nieuwe vragen met uw bestelnummer en e-mailadres.",
        "right": "Dank u, de code klopt. Een uur lang kan deze chat u over deze bestelling informeren.",
        "away": "De winkel antwoordt op dit moment niet. Vraag het later nog eens.",
        "often": "Dat is te vaak geprobeerd. Probeer het over een uur opnieuw.",
        "form": "Geef het bestelnummer en het e-mailadres van de bestelling om een bestelling te zien.",
        "number": "Bestelnummer",
        "email": "E-mailadres",
        "send": "Code sturen",
        "mail_subject": "Uw code",
        "mail": "Uw code is {}. Schrijf hem in de chat waarin u naar uw bestelling vroeg. Hij geldt 10 minuten, één "
        "keer.\n\nHebt u niets gevraagd? Doe dan niets en geef de code aan niemand.",
    },
    "pl": {
        "asked": "Jeśli ten numer zamówienia i ten adres e-mail do siebie pasują, kod z 8 cyfr jest w drodze na ten "
        "adres. Proszę wpisać go tutaj. Jest ważny 10 minut.",
        "wrong": "Ten kod jest niepoprawny lub wygasł. Nowy można dostać, podając numer zamówienia i adres e-mail.",
        "right": "Dziękuję, kod jest poprawny. Przez godzinę ten czat może informować o tym zamówieniu.",
        "away": "Sklep w tej chwili nie odpowiada. Proszę zapytać później.",
        "often": "Było zbyt wiele prób. Proszę spróbować ponownie za godzinę.",
        "form": "Aby zobaczyć zamówienie, proszę podać jego numer i adres e-mail zamówienia.",
        "number": "Numer zamówienia",
        "email": "Adres e-mail",
        "send": "Wyślij kod",
        "mail_subject": "Twój kod",
        "mail": "Twój kod to {}. Wpisz go na czacie, na którym padło pytanie o zamówienie. Jest ważny 10 minut, raz."
        "\n\nTo nie Ty? Nie rób nic i nie podawaj kodu nikomu.",
    },
    "pt": {
        "asked": "Se este número de encomenda e este e-mail pertencem um ao outro, um código de 8 dígitos está a "
        "caminho desse endereço. Escreva-o aqui. É válido durante 10 minutos.",
        "wrong": "Este código não está certo ou expirou. Pode pedir outro com o número da encomenda e o e-mail.",
        "right": "Obrigado, o código está certo. Durante uma hora este chat pode informar sobre esta encomenda.",
        "away": "A loja não responde neste momento. Pergunte de novo mais tarde.",
        "often": "Houve tentativas a mais. Tente de novo dentro de uma hora.",
        "form": "Para ver uma encomenda, indique o número e o e-mail da encomenda.",
        "number": "Número da encomenda",
        "email": "E-mail",
        "send": "Enviar um código",
        "mail_subject": "O seu código",
        "mail": "O seu código é {}. Escreva-o no chat em que perguntou pela encomenda. É válido 10 minutos, uma vez."
        "\n\nNão pediu nada? Não faça nada e não dê o código a ninguém.",
    },
    "tr": {
        "asked": "Bu sipariş numarası ile bu e-posta adresi birbirine aitse, 8 haneli bir kod o adrese gönderiliyor. "
        "Lütfen buraya yazın. 10 dakika geçerlidir.",
        "wrong": "Bu kod doğru değil ya da süresi doldu. Sipariş numaranız ve e-posta adresinizle yenisini "
        "isteyebilirsiniz.",
        "right": "Teşekkürler, kod doğru. Bu sohbet bir saat boyunca bu sipariş hakkında bilgi verebilir.",
        "away": "Mağaza şu anda yanıt vermiyor. Lütfen daha sonra tekrar sorun.",
        "often": "Çok fazla denendi. Lütfen bir saat sonra tekrar deneyin.",
        "form": "Bir siparişi görmek için lütfen numarasını ve siparişteki e-posta adresini yazın.",
        "number": "Sipariş numarası",
        "email": "E-posta adresi",
        "send": "Kod gönder",
        "mail_subject": "Kodunuz",
        "mail": "Kodunuz {}. Siparişinizi sorduğunuz sohbete yazın. 10 dakika, bir kez geçerlidir."
        "\n\nSiz istemediyseniz hiçbir şey yapmayın ve kodu kimseye vermeyin.",
    },
    "ar": {
        "asked": "إذا كان رقم الطلب هذا وعنوان البريد الإلكتروني هذا متطابقين، فإن رمزا من 8 أرقام في طريقه إلى ذلك "
        "العنوان. يرجى كتابته هنا. وهو صالح لمدة 10 دقائق.",
        "wrong": "هذا الرمز غير صحيح أو انتهت صلاحيته. يمكنك طلب رمز جديد برقم الطلب وعنوان البريد الإلكتروني.",
        "right": "شكرا، الرمز صحيح. يمكن لهذه المحادثة إخبارك عن هذا الطلب لمدة ساعة.",
        "away": "المتجر لا يجيب في الوقت الحالي. يرجى السؤال لاحقا.",
        "often": "كانت هناك محاولات كثيرة جدا. يرجى المحاولة بعد ساعة.",
        "form": "لرؤية طلب، يرجى ذكر رقمه وعنوان البريد الإلكتروني الذي طلبت به.",
        "number": "رقم الطلب",
        "email": "البريد الإلكتروني",
        "send": "أرسل لي رمزا",
        "mail_subject": "رمزك",
        "mail": "رمزك هو {}. اكتبه في المحادثة التي سألت فيها عن طلبك. وهو صالح لمدة 10 دقائق ولمرة واحدة."
        "\n\nلم تطلب ذلك؟ إذن لا تفعل شيئا ولا تعط الرمز لأحد.",
    },
}


def say(phrase: Phrase, language: str) -> str:
    """The sentence in a language given as an ISO 639-1 code or a longer tag."""
    return _WORDS.get(language[:2].lower(), _WORDS["en"])[phrase]
