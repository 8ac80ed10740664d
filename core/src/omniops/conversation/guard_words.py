"""The words by which `guard.py` knows questions for advice, by language. Beginnings of words, separated by `|`; `\\b`
ends one that must stand whole."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """`ask` are ways to ask what one should do; the topics are what must be told about beside it; `shop` says that a
    shop's own matter is meant, whatever else is said."""

    ask: str
    medical: str
    legal: str
    financial: str
    shop: str


WORDS: dict[str, Words] = {
    "en": Words(
        ask=r"should i|shall i|can i|could i|may i|must i|do i (?:need|have)|am i|what (?:should|can|do"
        r"|are my)|how (?:do|can|should|much|many|long)|which|is it (?:safe|legal|worth|ok|okay"
        r"|dangerous|better|wise|a good)|is this .*(?:dangerous|serious|normal|broken)|is now|what helps"
        r"|is it broken|do you recommend|any advice|could (?:my|it)",
        medical=r"chest pain|pain\b|painkiller|ache\b|headache|migraine|swollen|swelling|infect|wound|rash\b|fever"
        r"|dizz|nausea|concussion|diabet|asthma|blood pressure|antidepress|antibiotic|ibuprofen"
        r"|paracetamol|aspirin|melatonin|medicat|medicine|dose\b|dosage|pregnan|symptom|diagnos|cancer"
        r"|depress|pills\b|insulin|allergic reaction|bleeding|broken bone|sprain|vaccin|hurts?\b|hurting"
        r"|sore\b|ill\b|sick\b|faint|cough|throat|flu\b|covid|tablets\b|drugs?\b|warfarin|statins?\b"
        r"|contracept|doctor|hospital|surgery|injur|breastfeed|breast-feed|heart\b(?!-)|vomit|diarrh|burn(?:ed"
        r"|t)? my|tick bite|bitten|overdose|side effect|blood|numb\b|tingl|sunburn|insomnia|can't sleep"
        r"|anxiety|panic attack|swallow(?:ed)|choking|chok(?:ed|es)|twisted|x-ray|operation\b|hernia"
        r"|cure(?:s|d)?\b|vitamins?\b|supplement|tired(?:ness)? all|toes? turn|numb\b|wrist|my (?:knee|ankle"
        r"|stomach|belly|chest|tooth|teeth|gums|ear|eye|throat|shoulder|elbow|hip|spine|liver|kidney|lung"
        r"|heart)|fracture|broke my|poison|dentist|physio|therapy|therapist|heart rate|cholesterol|thyroid"
        r"|hormone|menopaus|period pain|adhd|autis|dementia|stroke|seizure|epilep|eczema|psoriasis|acne"
        r"|fungus|lice\b|worms\b|jaundice|baby has|child has|toddler|newborn|lump\b|mole\b|hangover"
        r"|withdrawal|addict|suicid|lose weight|calories|diet\b|fasting|healthy|nosebleed|pulled muscle"
        r"|muscle pain|lyme|tick\b|skin cancer|spots on my|cramps?\b|pulse\b",
        legal=r"sue\b|suing|lawsuit|lawyer|attorney|court|landlord|tenant|evict|custody|divorce|plead|liable"
        r"|liability|prosecut|fired me|sacked|dismissed me|unfair dismissal|inherit|my father's will"
        r"|speeding ticket|police|is it legal|employer|legally|illegal|solicitor|my rights|take (?:him|her"
        r"|them|my \w+) to|fine i got|parking (?:fine|ticket)|penalty notice|my boss|rental contract"
        r"|rent contract|lease\b|tenancy|alimony|bankrupt|defamation|copyright|trademark|immigration"
        r"|my visa|neighbou?r .*(?:damage|noise|tree|fence)|contract law|notice period|compensation from"
        r"|arrest|contract .*(?:valid|signed|void|cancel|terminate)|signed .*contract|gym\b|unfair|harass"
        r"|bully|stalk|restraining|power of attorney|probate|executor|squatter|deposit scheme|sublet"
        r"|redundan|severance|sick pay|minimum wage|overtime|maternity|non-compete|nda\b|patent|sued\b"
        r"|subpoena|jury|bail\b|convict|criminal|caution\b|driving ban|licen[cs]e points|hit and run"
        r"|insurance claim|negligen|small claims|ombudsman|green card|asylum|citizenship|prenup|paternity"
        r"|adopt|my ex\b|the kids|child support|insurer|private land|land ?owner",
        financial=r"invest|bitcoin|crypto|shares\b|stocks?\b(?! of)|etf|mortgage|pension|my savings|take out a loan"
        r"|personal loan|income tax|tax return|hedge|real estate|portfolio|funds?\b|retire(?:ment|d)?\b"
        r"|my money\b(?! back)|put money|gold price|buy(?:ing)? gold|interest rate|credit score|my debts?"
        r"|dividend|trading|forex|index tracker|isa\b|401k|annuity|savings account|life insurance|ethereum"
        r"|inflation|remortgage|refinanc|tesla|apple shares|nasdaq|s&p|dow jones|ftse|dax\b|go up (?:next"
        r"|this)|crash|salary|save money|saving|savings|budget my|emergency fund|bonds?\b|gilts"
        r"|capital gains|inheritance tax|vat return|write off|deduct|self.?assessment|lottery|gambl|bet on"
        r"|pay ?day loan|consolidat|overdraft|equity|crowdfund|nft|staking|exchange rate|currency"
        r"|so that it grows|premium bonds|sell my (?:house|flat)|buy a house|house prices"
        r"|\d pounds .*(?:put|grow)|(?:put|park) \d",
        shop=r"warranty|guarantee|parcel|return it|refund|invoice|in stock|instalment|deliver|shipping|my order"
        r"|your shop|your page|your terms|gift card|holidays|suitable|good for|made for|meant for"
        r"|designed for|contain|ingredient|do you (?:have (?!any advice|advice)|stock|sell|carry|offer"
        r"|accept|take|ship)|have you got|available|sizes?\b|discount|voucher|wash|material|colou?r"
        r"|split the payment|pay (?:by|with|in)\b|customer|reduce|recommend a\b|(?:is|are|does|do|has|will"
        r"|can) (?:the|your|these|those) (?!wound|rash|pain|swelling|bite|burn|cut|fever|stock market"
        r"|market|court|police)|fabric|customs|policy|patch|price match|collect|gift\b|receipt|company"
        r"|socks|poles|zip\b|soles?\b|straps?\b|delivery|tracking|student price|opening hours|-shaped"
        r"|trail meal|calories does",
    ),
    "de": Words(
        ask=r"soll(?:te)? ich|kann ich|darf ich|muss ich|brauche ich|habe ich|hafte ich|bin ich|was (?:soll"
        r"|kann|hilft|tun)|wie (?:behandle|stehen|kann|viel|soll)|welche|lohnt (?:es )?sich|ist (?:es|das"
        r"|dieser|diese|dieses|mein)|raten|einen rat\b|empfehlen",
        medical=r"\w*schmerz|bauchweh|kopfweh|migräne|geschwollen|entzünd|wunde|ausschlag|fieber|schwindl|übelkeit"
        r"|gehirnersch|diabet|asthma|blutdruck|antidepress|antibioti|ibuprofen|paracetamol|aspirin"
        r"|melatonin|medikament|arznei|dosis|dosierung|schwanger|symptom|diagnos|krebs|depressi|tabletten"
        r"|insulin|blutung|verstaucht|impf|tut (?:mir |der |die |das |mein\w* )*\w* ?weh|weh\b|krank"
        r"|husten|halsweh|grippe|corona|tablette|pillen|marcumar|blutverdünn|arzt|ärztin|krankenhaus"
        r"|verletz|stillen|stillzeit|herz\b|erbrech|durchfall|verbrannt|zecke|gebissen|nebenwirkung"
        r"|überdosis|sonnenbrand|schlaflos|panikattack|pille\b|taub\b|kribbel|verschluckt|erstick"
        r"|umgeknickt|verdreht|röntgen|nach der op\b|op-termin|operation\b|bruch\b|leistenbruch|vitamin|müdigkeit"
        r"|handgelenk|mein(?:e|en|em)? (?:knie|knöchel|bauch|brust|zahn|zähne|ohr|auge|hals|schulter"
        r"|ellbogen|hüfte|wirbel|leber|niere|lunge|herz)|gebrochen|vergift|zahnarzt|therap|puls\b"
        r"|cholesterin|schilddrüse|hormon|wechseljahr|regelschmerz|adhs|autis|demenz|schlaganfall|epilep"
        r"|neurodermitis|schuppenflechte|akne|pilz\b|läuse|würmer|knoten\b|muttermal|kater\b|entzug"
        r"|süchtig|selbstmord|suizid|abnehmen|diät|fasten\b|gesund\b|mein kind hat|mein baby|nasenbluten"
        r"|zerrung|muskelkater|borreliose|krampf|krämpfe|hautkrebs",
        legal=r"verklag|klagen|anwalt|gericht|vermieter|mieter|sorgerecht|scheidung|hafte\b|haftbar|bußgeld"
        r"|einspruch|gekündigt|kündigungsschutz|strafanzeige|anzeige erstatten|erbe\b|testament|polizei"
        r"|arbeitgeber|mein chef|rechtlich|legal\b|illegal|rechtsanw|meine rechte|strafzettel|knöllchen"
        r"|abmahnung|chef\b|mietvertrag|miete\b|unterhalt\b|insolvenz|urheberrecht|markenrecht|aufenthalt"
        r"|visum|nachbar .*(?:zaun|lärm|baum|schaden|laut)|kündigungsfrist|schadensersatz|schmerzensgeld"
        r"|verhaftet|betriebsrat|vertrag\b.*(?:gültig|kündig|anfecht|widerruf)|\w+vertrag gültig|mobbing"
        r"|stalk|vollmacht|vorsorgevollmacht|erbschein|pflichtteil|untermiet|abfindung|krankengeld"
        r"|mindestlohn|überstund|elternzeit|mutterschutz|patent|geklagt|verurteilt|strafbar|führerschein"
        r"|punkte in flensburg|fahrerflucht|fahrlässig|asyl|einbürger|staatsbürger|ehevertrag|vaterschaft"
        r"|adopt|durchsuchen|meine? ex\b|die kinder nicht|kindesunterhalt|versicherung vor",
        financial=r"invest|bitcoin|krypto|aktien\b|etf|hypothek|erspart|geld anlegen|anlegen|kredit|rente\b"
        r"|altersvorsorge|steuern sparen|einkommensteuer|bausparen|immobilie|geldanlage|fonds"
        r"|mein geld(?! (?:zurück|wieder))"
        r"|gold\b.*(?:anlage|kaufen)|zinsen|zinssatz|schufa|schulden|dividende|depot|tagesgeld|festgeld"
        r"|lebensversicherung|ethereum|inflation|bauspar|riester|sparplan|börse|dax\b|nasdaq|msci|tesla"
        r"|steigt .*jahr|aktienkurs|börsenkurs|gehalt|sparen\b|sparquote|notgroschen|anleihen|kapitalertrag"
        r"|erbschaftsteuer|absetzen von der steuer|von der steuer absetzen|steuererklärung|lotto|wette"
        r"|umschuld|dispo|eigenkapital|nft|staking|wechselkurs|umschichten|lege ich .*(?:euro|geld)"
        r"|(?:haus|wohnung) .*verkaufen|immobilienpreis",
        shop=r"gewährleistung|garantie|paket|rücksend|umtausch|rechnung|auf lager|raten zahlen|lieferung"
        r"|versand|bestell|agb|gutschein|newsletter|mücken|widerrufsrecht|geeignet|eignet|gut für"
        r"|gedacht für|enthält|enthalten|inhaltsstoff|haben sie (?!einen rat|einen tipp)|führen sie"
        r"|verkaufen sie|verfügbar|größe|rabatt|waschen|material|farbe|zahlen (?:mit|per)|kunde|messer"
        r"|reduziert|(?:ist|sind|hat|kann|hilft) (?:der|die|das|ihr|ihre) (?!wunde|ausschlag|schmerz"
        r"|schwellung|biss|gericht|polizei|rücken|knie)|zoll|abholen|socken|stangen|stoff\b|leder|flicken"
        r"|preis\b|geschenk|kassenbon|firma|reißverschluss|sohle|schülerrabatt|öffnungszeit|filiale",
    ),
    "fr": Words(
        ask=r"dois-je|puis-je|faut-il|devrais-je|ai-je|suis-je|vaut-il|est-ce que|que (?:dois|faire|puis)"
        r"|comment|quels? |quelles? |un conseil|conseillez|est-ce (?:grave|dangereux|légal)",
        medical=r"j'ai mal|mal (?:à|au|de)|douleur|migraine|enflé|gonflé|infect|plaie|éruption|fièvre|vertige"
        r"|nausée|commotion|diabèt|asthme|la tension|antidépress|antibioti|ibuprofène|paracétamol|aspirine"
        r"|mélatonine|médicament|dose\b|posologie|enceinte|symptôme|diagnosti|cancer|dépress|comprimé"
        r"|insuline|vaccin|(?:me|m'|te) fait mal|malade|toux|gorge|grippe|covid|comprimés?|pilule"
        r"|anticoagul|médecin|docteur|hôpital|bless|allait|cœur|coeur|vomi|diarrhée|brûl|tique|mordu"
        r"|effets? secondaire|surdose|coup de soleil|insomnie|anxiété|angoisse|engourdi|avalé|étouff|tordu"
        r"|radio(?:graphie)?\b|opération|hernie|vitamine|fatigue|poignet|mon (?:genou|ventre|oreille|dos"
        r"|cœur)|ma (?:cheville|poitrine|dent|gorge|hanche)|cassé le|fracture|intoxi|dentiste|thérap"
        r"|cholestérol|thyroïde|hormon|ménopause|règles|tdah|autis|démence|avc\b|épilep|eczéma|psoriasis"
        r"|acné|poux|grain de beauté|gueule de bois|sevrage|suicid|maigrir|régime|jeûne|bonne santé|bébé"
        r"|saigne|courbature|crampe|tension artérielle",
        legal=r"porter plainte|avocat|tribunal|propriétaire|locataire|garde (?:des|de) |divorce|responsable de"
        r"|amende|licenci|procès|poursuivre|héritage|testament|police|employeur|mon patron|légalement"
        r"|illégal|mes droits|droits? |contravention|voisin|patron|bail\b|loyer|pension alimentaire"
        r"|faillite|droit d'auteur|titre de séjour|préavis|dommages|prud'hom|héritier|arrêté"
        r"|contrat .*(?:valable|valide|résili|signé)|harcèl|procuration|succession|sous-lou|indemnité"
        r"|arrêt maladie|smic|heures supplémentaires|maternité|brevet|condamn|permis de conduire|délit"
        r"|négligence|asile|naturalis|paternité|adopt|fouiller|perquisition|mon ex\b|voir les enfants",
        financial=r"invest|bitcoin|crypto|actions (?:faut|dois|acheter)|bourse|etf|crédit immobilier|hypothè"
        r"|mes économies|placer|retraite|moins d'impôt|impôts|emprunt|immobilier|de l'or\b|placement"
        r"|mon argent|livret|taux d'intérêt|dettes?|dividende|assurance[- ]vie|ethereum|inflation|épargne"
        r"|fonds (?:de|euro|indiciel)|pea\b|cac ?40|nasdaq|tesla|salaire|épargner|obligations|plus-value"
        r"|succession fiscale|déduire|déclaration de revenus|loterie|parier|découvert|rachat de crédit|nft"
        r"|taux de change|pel\b|où placer|vendre ma maison",
        shop=r"garantie|colis|retour|facture|en stock|plusieurs fois|livraison|commande|promotion"
        r"|conditions générales|carte cadeau|convient|adapté|prévu pour|contient|ingrédient|avez-vous"
        r"|vendez|disponible|taille|réduction|laver|lavage|matière|couleur|payer (?:par|en|avec)|ce sac"
        r"|cet? \w+ (?:est|convient)|rembours(?:é|ement)|magasin|premiers secours|piquets|chercher mon"
        r"|douane|chaussettes|tissu|cuir|prix\b|cadeau|ticket de caisse|tarif|horaires|fermeture éclair"
        r"|semelle|filtre|réchaud",
    ),
    "es": Words(
        ask=r"debo|debería|puedo|tengo que|necesito|qué (?:hago|debo|puedo|derechos|dosis|acciones)|cómo|cuál"
        r"|conviene|vale la pena|es (?:peligros|grave|legal|normal)|algún consejo|aconsej|recomiend",
        medical=r"dolor|me duele|migraña|hinchad|infect|herida|sarpullido|fiebre|mareo|náusea|conmoción|diabet"
        r"|asma\b|la tensión|antidepres|antibióti|ibuprofeno|paracetamol|aspirina|melatonina|medicament"
        r"|medicina|dosis|embaraz|síntoma|diagnósti|cáncer|depresi|pastilla|insulina|vacuna|duele|enferm"
        r"|tos\b|garganta|gripe|covid|pastillas?|píldora|anticoagul|médico|doctor|hospital|lesion"
        r"|lactancia|corazón|vómit|diarrea|quem(?:é|adura)|garrapata|mordi|efectos? secundario|sobredosis"
        r"|insolación|insomnio|ansiedad|hormigue|tragado|tragó|atragant|torcido|radiografía|operación"
        r"|hernia|vitamina|cansancio|muñeca|mi (?:rodilla|tobillo|barriga|pecho|diente|muela|oído|espalda"
        r"|corazón)|roto el|fractura|intoxic|dentista|terapia|colesterol|tiroides|hormon|menopausia"
        r"|regla\b|tdah|autis|demencia|ictus|epilep|eccema|psoriasis|acné|piojos|lunar\b|resaca"
        r"|abstinencia|suicid|adelgazar|dieta|ayuno|saludable|bebé|sangra|agujetas|calambre",
        legal=r"demandar|abogad|juzgado|tribunal|casero|inquilin|custodia|divorcio|responsable de|multa|despidi"
        r"|despido|denunciar|juicio|herencia|testamento|policía|mi jefe|legalmente|ilegal|mis derechos"
        r"|derechos tengo|vecino|jefe |alquiler|contrato de|pensión alimenticia|bancarrota"
        r"|derechos de autor|visado|preaviso|indemniza|detenid|multar|contrato .*(?:válido|rescind|firm)"
        r"|acoso|poder notarial|sucesi|subarrend|finiquito|indemnización|baja médica|salario mínimo"
        r"|horas extra|maternidad|patente|condena|carnet de conducir|delito|negligencia|asilo|nacionalidad"
        r"|paternidad|adopt|registrar mi|mi ex\b|ver a los niños",
        financial=r"invert|bitcoin|cripto|acciones (?:debo|debería|comprar)|bolsa de valores|etf|hipoteca"
        r"|mis ahorros|pensión|impuestos|préstamo|inmuebl|comprar oro"
        r"|(?<!recupero )(?<!recuperar )(?<!devuelven )mi dinero|fondos? |tipo de interés"
        r"|intereses|deuda|dividendo|seguro de vida|ethereum|inflación|ahorro|jubilaci|plan de pensiones"
        r"|bolsa\b.*(?:invert|dinero)|ibex|nasdaq|tesla|sueldo|ahorrar|bonos|plusval"
        r"|declaración de la renta|deducir|lotería|apostar|descubierto|refinanci|nft|tipo de cambio"
        r"|invierto|dónde pongo|vender mi (?:casa|piso)",
        shop=r"garantía|paquete|devol|factura|en stock|a plazos|envío|pedido|incluid|tarjeta regalo|campaña"
        r"|adecuad|sirve para|indicad[oa] para|contiene|ingrediente|tienen|venden|disponible|talla"
        r"|descuento|lavar|lavo|material|color|pagar (?:con|por|en)|mochila|chaqueta|client"
        r"|primeros auxilios|varillas|aduana|calcetines|tejido|cuero|precio|regalo|ticket de compra"
        r"|horario|cremallera|suela|filtro",
    ),
    "it": Words(
        ask=r"devo|dovrei|posso|mi serve|ho bisogno|cosa (?:devo|posso|faccio)|come|quale|quali|che dose"
        r"|conviene|vale la pena|è (?:pericolos|grave|legale|normale)|consigli",
        medical=r"dolore|mi fa male|emicrania|gonfi|infett|ferita|eruzione|febbre|vertigin|nausea|commozione"
        r"|diabet|asma\b|la pressione|antidepress|antibioti|ibuprofene|paracetamolo|aspirina|melatonina"
        r"|farmac|medicin|dose\b|incinta|sintom|diagnos|cancro|depression|pastiglie|insulina|vaccin"
        r"|fa male|fanno male|malat|tosse|gola\b|influenza|covid|compresse|pillola|anticoagul|medico"
        r"|dottore|ospedale|ferit|infortun|allatt|cuore|vomit|diarrea|scottat|ustion|zecca|morso"
        r"|effett\w* collateral|sovradosaggio|insonnia|ansia|formicol|ingoiat|soffoc|slogat|radiografia"
        r"|operazione|ernia|vitamina|stanchezza|polso|mi[oa] (?:ginocchio|caviglia|pancia|petto|dente"
        r"|orecchio|schiena|cuore)|rotto il|frattura|intossic|dentista|terapia|colesterolo|tiroide|ormon"
        r"|menopausa|ciclo\b|adhd|autis|demenza|ictus|epiless|eczema|psoriasi|acne|pidocchi|neo\b|sbornia"
        r"|astinenza|suicid|dimagrire|dieta|digiuno|neonat|sanguin|crampi|strappo muscolare",
        legal=r"fare causa|avvocat|tribunale|padrone di casa|inquilin|affidamento|divorzio|responsabile di"
        r"|multa\b|licenziat|denunciar|processo|eredità|testamento|polizia|il mio capo|legalmente|illegale"
        r"|miei diritti|diritti ho|vicino .*(?:rumore|danno|albero)|capo |affitto|contratto di|alimenti"
        r"|fallimento|diritto d'autore|permesso di soggiorno|preavviso|risarciment|arrestat|multare"
        r"|contratto .*(?:valido|recedere|firmat)|molest|procura\b|successione|subaffitt|buonuscita"
        r"|liquidazione|malattia pagat|straordinari|maternità|brevetto|condann|patente di guida|reato"
        r"|negligenza|asilo|cittadinanza|paternità|adozione|perquisire|il mio ex|la mia ex|vedere i figli",
        financial=r"investi|bitcoin|cripto|azioni|borsa valori|etf|mutuo|risparmi|pensione|meno tasse|prestito"
        r"|immobil|comprare oro|miei soldi|fondi\b|fondo pensione|tasso|interessi|debiti|dividend"
        r"|assicurazione vita|ethereum|inflazione|buoni fruttiferi|bot\b|btp|ftse|nasdaq|tesla|stipendio"
        r"|risparmiare|obbligazioni|plusval|dichiarazione dei redditi|detrarre|lotteria|scommett|scoperto"
        r"|rifinanzi|nft|tasso di cambio|dove (?:investo|metto)|vendere (?:la )?casa",
        shop=r"garanzia|pacco|restituir|reso\b|fattura|magazzino|a rate|spedizione|ordine|pronto soccorso"
        r"|buono regalo|adatt|va bene per|indicat[oa] per|contiene|ingredient|avete|vendete|disponibil"
        r"|taglia|sconto|lavare|lavo|materiale|colore|pagare (?:con|a|in)|client|zaino|giacca|paletti"
        r"|dogana|calze|tessuto|cuoio|prezzo|regalo|scontrino|orari|cerniera|suola|filtro",
    ),
    "nl": Words(
        ask=r"moet ik|kan ik|mag ik|zal ik|heb ik|ben ik|wat (?:moet|kan|helpt)|hoe|welke|is (?:het|dit|deze) "
        r"|raad je|advies|aanbevel|beter",
        medical=r"pijn\b|hoofdpijn|migraine|gezwollen|ontsto|wond\b|uitslag|koorts|duizelig|misselijk"
        r"|hersenschudding|diabet|astma|bloeddruk|antidepress|antibioti|ibuprofen|paracetamol|aspirine"
        r"|melatonine|medicijn|dosis|dosering|zwanger|symptom|diagnos|kanker|depressi|insuline|vaccin"
        r"|doet .*pijn|zeer\b|ziek\b|hoest|keel|griep|corona|pillen|pil\b|tablet|bloedverdunn|dokter"
        r"|huisarts|ziekenhuis|blessure|gewond|borstvoeding|hart\b|overgeven|diarree|verbrand|teek|gebeten"
        r"|bijwerking|overdosis|slapeloos|paniekaanval|angst|tintel|ingeslikt|stikken|verstuikt|verdraaid"
        r"|röntgen|foto laten maken|operatie|hernia|vitamine|moeheid|pols\b|mijn (?:knie|enkel|buik|borst"
        r"|tand|kies|oor|rug|hart)|gebroken|vergift|tandarts|therap|cholesterol|schildklier|hormon"
        r"|overgang|menstruatie|adhd|autis|dementie|beroerte|epilep|eczeem|psoriasis|acne|luizen"
        r"|moedervlek|kater\b|afkick|verslaafd|zelfmoord|afvallen|dieet|vasten|gezond\b|baby|bloedneus"
        r"|spierpijn|kramp",
        legal=r"aanklagen|advocaat|rechtbank|rechter\b|huisbaas|huurder|voogdij|scheiding|aansprakelijk|boete"
        r"|ontslagen|ontslag|aangifte|erfenis|testament|politie|mijn baas|juridisch|wettelijk|illegaal"
        r"|mijn rechten|welke rechten|buurman|buren|baas |huurcontract|huur\b|alimentatie|faillissement"
        r"|auteursrecht|visum|opzegtermijn|schadevergoeding|gearresteerd|bekeuring|contract .*(?:geldig"
        r"|opzeggen|getekend)|pesten|stalk|volmacht|nalatenschap|onderhuur|transitievergoeding|ziektegeld"
        r"|minimumloon|overuren|zwangerschapsverlof|octrooi|veroordeeld|rijbewijs|strafbaar|nalatig|asiel"
        r"|nationaliteit|vaderschap|adopt|doorzoeken|mijn ex\b|de kinderen niet",
        financial=r"beleg|invest|bitcoin|crypto|aandelen|etf|hypotheek|spaargeld|pensioen|minder belasting|lening"
        r"|vastgoed|goud kopen|mijn geld(?! terug)|fonds|rente\b|rentestand|schulden|dividend|levensverzekering"
        r"|ethereum|inflatie|sparen|beurs\b|aex|nasdaq|tesla|salaris|obligaties|vermogensbelasting"
        r"|aftrekken|belastingaangifte|loterij|gokken|roodstaan|oversluiten|nft|wisselkoers|waar (?:beleg"
        r"|zet)|huis .*verkopen",
        shop=r"garantie|pakket|retour|factuur|op voorraad|termijnen|levering|verzend|bestelling|cadeaubon"
        r"|geschikt|goed voor|bedoeld voor|bevat|ingredi|hebben jullie|heeft u|verkopen|beschikbaar|maat\b"
        r"|korting|wassen|was ik|materiaal|kleur|betalen (?:met|per)|klant|rugzak|jas\b|stokken|douane"
        r"|sokken|stof\b|leer\b|prijs|cadeau|bon\b|openingstijd|rits|zool|filter",
    ),
    "pl": Words(
        ask=r"czy (?:mogę|powin|lepiej|potrzeb|muszę|mam|warto|to )|co (?:mam|robić|zrobić|pomaga)|jak |jaką"
        r"|jakie|jaki|powinienem|powinnam|doradz|porad|poleca",
        medical=r"boli\b|ból\b|bóle|migren|spuchn|opuchn|zakaż|zakażon|rana\b|ranę|wysypk|gorączk|zawrot|nudności"
        r"|wstrząs|cukrzyc|astm|ciśnieni|antydepres|antybioty|ibuprofen|paracetamol|aspiryn|melatonin"
        r"|leki\b|lekar|dawk|w ciąży|objaw|diagno|nowotw|depresj|tabletk|insulin|szczepi|boli|bolą"
        r"|chor[yae]|kaszel|gardł|gryp|covid|tabletek|pigułk|przeciwzakrzep|lekarz|szpital|uraz|kontuzj"
        r"|karmi|serc|wymiot|biegunk|oparz|kleszcz|ugryz|skutk\w+ ubocz|przedawk|bezsenn|lęk|drętw|połkn"
        r"|zadław|skręci|prześwietl|rentgen|operacj|przepuklin|witamin|zmęczeni|nadgarst|mój (?:brzuch|ząb"
        r"|kręgosłup)|moje (?:kolano|ucho|serce)|złama|zatru|dentyst|terap|cholesterol|tarczyc|hormon"
        r"|menopauz|miesiączk|adhd|autyz|demencj|udar|padaczk|egzem|łuszczyc|trądzik|wsz[yi]|pieprzyk"
        r"|kac\b|odwyk|uzależni|samobój|schudn|diet[aęy]|głodówk|niemowl|krwawi|skurcz|zakwasy",
        legal=r"pozwać|pozew|adwokat|prawnik|sąd\b|sądu|sądzie|właściciela mieszkania|najemc|opiek|rozw[oó]d"
        r"|odpowiadam za|mandat|zwolnił|zwolnieni|spadek|testament|policj|szef|prawnie|nielegaln"
        r"|moje prawa|mam prawa|sąsiad|umow\w+ najmu|czynsz|alimenty|upadłoś|praw\w+ autorsk|wiz[aęy]\b"
        r"|okres wypowiedzenia|odszkodowan|aresztowa|najmu|umow\w+ .*(?:ważna|wypowiedzie|podpisa)|mobbing"
        r"|nękani|pełnomocnictw|zachowek|podnaj|odpraw|chorobow|płac\w+ minimaln|nadgodzin|macierzyńsk"
        r"|patent|skazan|prawo jazdy|przestępst|zaniedbani|azyl|obywatelstw|ojcostw|adopc|przeszuk"
        r"|były mąż|była żona|widywać dzieci",
        financial=r"inwest|zainwest|bitcoin|krypto|akcje|giełd|etf|hipotecz|oszczędności|emerytur|podatek|podatki"
        r"|pożyczk|nieruchom|kupić złoto|złoto\b|moje pieniądze|fundusz|stop\w+ procent|odsetki|dług\b|długów|zadłuż"
        r"|dywidend|ubezpieczeni\w+ na życie|ethereum|inflacj|lokat|oszczędza|wig\b|wig20|nasdaq|tesla"
        r"|pensj|oszczędz|obligacj|pit\b|odliczy|zeznani\w+ podatk|lotto|zakład\w* bukm|debet|refinans|nft"
        r"|kurs walut|gdzie (?:zainwestować|ulokować)|sprzedać (?:dom|mieszkanie)",
        shop=r"gwaranc|paczk|zwrot|zwroc|faktur|magazyn|w ratach|dostaw|wysyłk|zamówieni|promocj|nadaje się"
        r"|odpowiedni|przeznaczon|zawiera|składnik|macie|sprzedajecie|dostępn|rozmiar|rabat|prać|pranie"
        r"|materiał|kolor|zapłacić|klient|plecak|kurtk|dobry na|stelaż|cło|celn|skarpet|tkanin|skór"
        r"|cen[aęy]\b|prezent|paragon|godziny otwarcia|zamek błysk|podeszw|filtr",
    ),
    "pt": Words(
        ask=r"devo|deveria|posso|tenho de|preciso|o que (?:devo|faço|posso)|como|qual|que (?:dose|direitos"
        r"|ações|a[cç]ões)|vale a pena|é (?:perigos|grave|legal|normal)|conselho|recomend",
        medical=r"dor\b|dores|dói|enxaqueca|inchad|infe[ct]|ferida|erupção|febre|tontura|náusea|concussão|diabet"
        r"|asma\b|tensão|pressão alta|antidepress|antibióti|ibuprofeno|paracetamol|aspirina|melatonina"
        r"|medicament|remédio|dose\b|grávida|sintoma|diagnósti|cancro|câncer|depress|comprimid|insulina"
        r"|vacina|doem|doente|tosse|garganta|gripe|covid|comprimidos?|pílula|anticoagul|médico|doutor"
        r"|hospital|lesão|lesion|amament|coração|vómit|vomit|diarreia|queim|carraça|carrapato|mordid"
        r"|efeitos? secund|sobredos|insónia|insônia|ansiedade|formigu|engoli|engasg|torci|raio-x"
        r"|radiografia|operação|hérnia|vitamina|cansaço|pulso|meu (?:joelho|tornozelo|peito|dente|ouvido"
        r"|coração)|minha (?:barriga|costas)|parti o|fratura|intoxic|dentista|terapia|colesterol|tiroide"
        r"|tireoide|hormon|menopausa|menstrua|tdah|autis|demência|avc\b|epilep|eczema|psoríase|acne"
        r"|piolhos|ressaca|abstinência|suicíd|emagrecer|dieta|jejum|bebé|bebê|sangr|cãibra|câimbra",
        legal=r"processar|advogad|tribunal|senhorio|inquilin|custódia|divórcio|responsável por|multa\b|despediu"
        r"|despedimento|demiti|queixa-crime|herança|testamento|polícia|o meu chefe|legalmente|ilegal"
        r"|meus direitos|direitos tenho|vizinho|chefe|patrão|arrendamento|aluguel|renda da casa"
        r"|pensão de alimentos|falência|direitos de autor|visto de|aviso prévio|indemniza|indeniza|detid"
        r"|contrato .*(?:válido|rescind|assin)|assédio|procuração|sucessão|subarrend|indemnização"
        r"|baixa médica|salário mínimo|horas extra|maternidade|patente|condena|carta de condução|crime"
        r"|negligência|asilo|nacionalidade|paternidade|adoç|revistar|meu ex\b|minha ex\b|ver os filhos",
        financial=r"invest|bitcoin|cripto|ações|bolsa de valores|etf|hipoteca|poupanças?|pensão|menos impostos"
        r"|empréstimo|imóve|comprar ouro|meu dinheiro|fundos? |taxa de juro|juros|dívida|dividendo"
        r"|seguro de vida|ethereum|inflação|reforma\b|aposentadoria|depósito a prazo|psi ?20|nasdaq|tesla"
        r"|salário|poupar|obrigações|mais-valias|irs\b|deduzir|lotaria|loteria|apostar|descoberto"
        r"|refinanci|nft|taxa de câmbio|onde (?:invisto|ponho)|vender a casa",
        shop=r"garantia|encomenda|devolu|fatura|em stock|prestações|entrega|envio|pedido|cartão presente"
        r"|adequad|serve para|indicad[oa] para|contém|contêm|ingrediente|têm|vendem|disponíve|tamanho"
        r"|desconto|lavar|lavo|material|cor\b|pagar (?:com|por|em)|client|mochila|casaco|varetas|alfândega"
        r"|meias|tecido|couro|preço|presente|recibo|horário|fecho|sola\b|filtro",
    ),
    "tr": Words(
        ask=r"\w+m[ae]l[ıi] m[ıi]y|\w*(?:abilir|ebilir) miy|ne yap|nasıl|hangi|ihtiyacım|ne kadar|tehlikeli mi"
        r"|öneri|tavsiye|değer mi",
        medical=r"ağrı|migren|şiş(?:ti|lik)|enfeks|iltihap|yara\b|yaram|döküntü|ateşim|baş dönme|bulantı|diyabet"
        r"|şeker hasta|astım|tansiyon|antidepres|antibiyoti|ibuprofen|parasetamol|aspirin|melatonin|ilaç"
        r"|ilac|doz\b|hamile|belirti|teşhis|kanser|depresyon|insülin|ağrıyor|acıyor|hasta(?:yım|lık)|öksür"
        r"|boğaz|grip|covid|hap\b|tablet|kan sulandır|doktor|hastane|sakat|yaralan|emzir|kalp|kalbim"
        r"|kus(?:uyor|tum)|ishal|yandı|yanık|kene|ısırd|yan etki|doz aşım|uykusuz|kaygı|uyuş|yuttu|boğul"
        r"|burkul|röntgen|ameliyat|fıtık|vitamin|yorgunluk|bileğim|dizim|karnım|dişim|kulağım|sırtım|kırıl"
        r"|zehirlen|dişçi|diş hek|terapi|kolesterol|tiroid|hormon|menopoz|regl|dehb|otizm|demans|felç"
        r"|epilepsi|egzama|sedef|akne|bit\b|ben\b.*büyü|akşamdan|bağımlı|intihar|zayıfla|diyet|oruç|bebeğ"
        r"|kanıyor|kramp",
        legal=r"dava\b|avukat|mahkeme|ev sahib|kiracı|velayet|boşanma|sorumlu muyum|trafik ceza|kovul"
        r"|işten çıkar|miras|vasiyet|polis|patronum|yasal olarak|yasa dışı|haklarım|komşu|patron|kira\b"
        r"|kira sözleş|nafaka|iflas|telif|vize|ihbar süre|tazminat|tutukla|hukuk|sözleşme.*(?:geçerli|fesh"
        r"|imza)|taciz|vekalet|veraset|kıdem tazminat|rapor parası|asgari ücret|fazla mesai|doğum izni"
        r"|patent|mahkum|ehliyet|suç\b|ihmal|iltica|vatandaşlık|babalık|evlat edin|arayabilir mi|eski eş",
        financial=r"yatır(?:ım|malı)|bitcoin|kripto|hisse|borsa|etf|mortgage|konut kredi|birikim|emekli|vergi"
        r"|kredi çek|altın al|param[ıi]|fon\b|fona|faiz|borç|temettü|hayat sigorta|ethereum|enflasyon"
        r"|mevduat|tasarruf|bist|nasdaq|tesla|maaş|tahvil|stopaj|vergi beyan|piyango|bahis"
        r"|kredi kartı borc|nft|döviz|kur\b|nereye yatır|evimi sat",
        shop=r"garanti|kargo|iade|fatura|stok|taksit|teslimat|sipariş|hediye kart|uygun mu|için uygun|içeriyor"
        r"|içerik|satıyor|mevcut|beden|indirim|yıka|malzeme|renk|ödeyebil|müşteri|çanta|mont|direk|gümrük"
        r"|çorap|kumaş|deri\b|fiyat|hediye|fiş\b|açılış saat|fermuar|taban|filtre",
    ),
    "ar": Words(
        ask=r"هل يمكنني|هل أستطيع|هل يجب|هل أحتاج|هل علي|ماذا أفعل|ما الذي|كيف|ما (?:ال|هي|هو)|كم |نصيحة|تنصح",
        medical=r"ألم|صداع|شقيقة|تورم|التهاب|جرح|طفح|حمى|دوخة|غثيان|سكري|ربو|الضغط|اكتئاب|مضاد|إيبوبروفين"
        r"|الإيبوبروفين|باراسيتامول|أسبرين|دواء|أدوية|جرعة|حامل\b|أعراض|تشخيص|سرطان|أنسولين|تؤلمني|يؤلمني"
        r"|مريض|سعال|حلق|إنفلونزا|كوفيد|حبوب|مميع|طبيب|مستشفى|إصابة|رضاعة|قلب|قيء|إسهال|حرق|لدغ"
        r"|آثار جانبية|أرق|قلق|ابتلع|اختن|التوى|أشعة|عملية|فتق|فيتامين|تعب|معصم|ركبتي|بطني|أسناني|سني|أذني"
        r"|ظهري|قلبي|كسر|تسمم|علاج|كوليسترول|الغدة|هرمون|الدورة|توحد|جلطة|صرع|أكزيما|صدفية|حب الشباب|قمل"
        r"|إدمان|انتحار|إنقاص الوزن|حمية|صيام|رضيع|طفلي|ينزف|تشنج",
        legal=r"مقاضاة|محام|محكمة|صاحب البيت|المستأجر|حضانة|طلاق|للطلاق|غرامة|طردني|فصلني|ميراث|وصية|شرطة"
        r"|قانونيا|غير قانوني|حقوقي|جاري |مديري|رئيسي|عقد الإيجار|إيجار|نفقة|إفلاس|تأشيرة|تعويض|اعتقال"
        r"|العقد|تحرش|وكالة|مكافأة نهاية|إجازة مرضية|الحد الأدنى للأجور|إجازة أمومة|براءة اختراع"
        r"|رخصة القيادة|جريمة|إهمال|لجوء|جنسية|تبني|الشرطة|تفتيش|طليق",
        financial=r"أستثمر|استثمار|بيتكوين|البيتكوين|أسهم|الأسهم|بورصة|رهن عقاري|مدخرات|معاش|ضرائب|قرض|عقار"
        r"|شراء الذهب|أشتري الذهب|أموالي|صندوق استثمار|فائدة|ديون|أرباح الأسهم|تأمين على الحياة|تضخم|ادخار"
        r"|تقاعد|ناسداك|تسلا|راتبي|أدخر|سندات|إقرار ضريبي|يانصيب|رهان|سعر الصرف|أين أضع|بيع بيتي",
        shop=r"ضمان|الضمان|الطلب|طلبي|شحن|إرجاع|فاتورة|بالتقسيط|توصيل|مخزون|مناسب|يحتوي|مكونات|هل لديكم|تبيعون"
        r"|متوفر|مقاس|خصم|أغسل|غسل|لون|الدفع|حقيبة|الأعمدة|جمارك|جوارب|قماش|جلد\b|سعر|هدية|إيصال|سحاب|نعل"
        r"|الفلتر",
    ),
}
"""The ten languages of the chat."""
