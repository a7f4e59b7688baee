"""Invented names, addresses and goods that look real: words put together as a seeded source of chance draws them.

Mail and web addresses end in ``.example``, which nobody can own; bar codes begin with the 2 of goods numbered in-house.
"""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import NamedTuple

from syncline.sandbox.businesscentral import values
from syncline.sandbox.businesscentral.company import Row


class _Country(NamedTuple):
    """``#`` stands for a digit. No currency is the local one."""

    code: str
    currency: str
    phone: str
    tax_number: str
    post_code: str
    forms: tuple[str, ...]
    cities: tuple[str, ...]
    streets: tuple[str, ...]
    number_first: bool = False


_COUNTRIES = (
    _Country("NL", "", "+31 20 ### ####", "NL#########B01", "#### AB", ("B.V.", "& Zonen"),
             ("Utrecht", "Breda", "Zwolle", "Arnhem", "Leiden", "Groningen"),
             ("Kerkstraat", "Dorpsweg", "Havenkade", "Molenlaan", "Parkweg", "Stationsplein")),
    _Country("DE", "", "+49 421 ######", "DE#########", "#####", ("GmbH", "KG", "e.K."),
             ("Bremen", "Kassel", "Münster", "Ulm", "Rostock", "Göttingen"),
             ("Hafenstraße", "Lindenallee", "Marktplatz", "Gartenweg", "Bahnhofstraße", "Schulstraße")),
    _Country("FR", "", "+33 4 ## ## ## ##", "FR###########", "#####", ("SARL", "SAS", "et Fils"),
             ("Lyon", "Nantes", "Dijon", "Reims", "Angers", "Grenoble"),
             ("rue des Lilas", "avenue de la Gare", "rue du Port", "place du Marché", "rue Neuve", "quai Nord"), True),
    _Country("BE", "", "+32 4 ### ## ##", "BE0#########", "####", ("BV", "NV", "SA"),
             ("Gent", "Liège", "Namur", "Leuven", "Mechelen", "Brugge"),
             ("Nieuwstraat", "Rue Haute", "Kapelweg", "Rue du Moulin", "Stationsstraat", "Avenue Verte")),
    _Country("AT", "", "+43 316 ######", "ATU########", "####", ("GmbH", "OG"),
             ("Graz", "Linz", "Wels", "Villach", "Steyr", "Bregenz"),
             ("Lindengasse", "Hauptplatz", "Mühlweg", "Ringstraße", "Feldgasse", "Kirchengasse")),
    _Country("IT", "", "+39 011 #######", "IT###########", "#####", ("S.r.l.", "S.p.A.", "e Figli"),
             ("Torino", "Verona", "Modena", "Genova", "Trieste", "Parma"),
             ("Via Roma", "Corso Italia", "Via Po", "Via Garibaldi", "Piazza Nuova", "Via dei Mille")),
    _Country("ES", "", "+34 976 ### ###", "ESB########", "#####", ("S.L.", "S.A."),
             ("Zaragoza", "Gijón", "Murcia", "Burgos", "Vigo", "León"),
             ("Calle Mayor", "Avenida del Mar", "Calle Nueva", "Plaza Vieja", "Calle del Sol", "Paseo Alto")),
    _Country("FI", "", "+358 3 ### ####", "FI########", "#####", ("Oy", "Ky"),
             ("Tampere", "Turku", "Oulu", "Lahti", "Kuopio", "Vaasa"),
             ("Rantatie", "Koulukatu", "Asemakatu", "Metsätie", "Kauppakatu", "Puistotie")),
    _Country("IE", "", "+353 21 ### ####", "IE#######T", "T12 ####", ("Ltd", "& Sons"),
             ("Cork", "Galway", "Limerick", "Sligo", "Kilkenny", "Tralee"),
             ("Park Road", "Bridge Street", "Mill Lane", "Harbour View", "Church Street", "Main Street"), True),
    _Country("SE", "SEK", "+46 8 ### ## ##", "SE##########01", "### ##", ("AB", "HB"),
             ("Uppsala", "Västerås", "Örebro", "Umeå", "Lund", "Kalmar"),
             ("Storgatan", "Kungsgatan", "Hamngatan", "Skolvägen", "Parkgatan", "Ängsvägen")),
    _Country("DK", "DKK", "+45 ## ## ## ##", "DK########", "####", ("ApS", "A/S", "& Søn"),
             ("Aarhus", "Odense", "Vejle", "Esbjerg", "Randers", "Kolding"),
             ("Havnegade", "Skovvej", "Nygade", "Strandvejen", "Kirkevej", "Algade")),
    _Country("PL", "PLN", "+48 61 ### ## ##", "PL##########", "##-###", ("Sp. z o.o.", "S.A."),
             ("Poznań", "Gdynia", "Łódź", "Lublin", "Opole", "Toruń"),
             ("ul. Leśna", "ul. Polna", "ul. Długa", "ul. Szkolna", "ul. Ogrodowa", "ul. Nowa")),
    _Country("CZ", "CZK", "+420 5## ### ###", "CZ########", "### ##", ("s.r.o.", "a.s."),
             ("Brno", "Plzeň", "Olomouc", "Zlín", "Jihlava", "Liberec"),
             ("Dlouhá", "Nová", "Lipová", "Zahradní", "Nádražní", "Školní")),
    _Country("GB", "GBP", "+44 113 ### ####", "GB#########", "LS## #AB", ("Ltd", "& Co", "Group"),
             ("Leeds", "Bristol", "York", "Exeter", "Derby", "Norwich"),
             ("Bridge Street", "Oak Lane", "High Street", "Station Road", "Mill Lane", "Park View"), True),
    _Country("NO", "NOK", "+47 55 ## ## ##", "NO#########MVA", "####", ("AS", "& Sønn"),
             ("Bergen", "Tromsø", "Bodø", "Molde", "Hamar", "Drammen"),
             ("Bryggen", "Storgata", "Fjordveien", "Skolegata", "Kirkeveien", "Sjøgata")),
    _Country("CH", "CHF", "+41 61 ### ## ##", "CHE#########", "####", ("AG", "GmbH"),
             ("Basel", "Luzern", "Thun", "Chur", "Olten", "Zug"),
             ("Rheinweg", "Seestrasse", "Dorfplatz", "Bergweg", "Poststrasse", "Bundesgasse")),
)  # fmt: skip

_STEMS = """Aurora Birch Cedar Delta Elm Falcon Granite Harbour Iris Juniper Kestrel Lagoon Maple Nordic Oak Pine Quartz
Raven Silver Timber Umber Valley Willow Zenith Amber Beacon Copper Dune Ember Fjord Garnet Heron Island Jade Keystone
Linden Meadow North Orchid Pebble Quill River Summit Thistle Union Vista Walnut Yarrow Alder Basalt Cobalt Dawn Eagle
Fern Glacier Hazel Indigo Larch Marble Nova Onyx Prairie""".split()
_TRADES = """Interiors Print Hotels Offices Schools Clinics Boats Textiles Bakery Optics Logistics Studios Foods Tools
Gardens Ceramics Lighting Paper Cycles Instruments Kitchens Energy Fabrics Software Consulting Travel Books Dental
Farming Packaging Glass Metalwork Design Catering Trading Machines Supplies Engineering Pharmacy Sports""".split()
_GIVEN = """Ada Bruno Clara David Elin Felix Greta Hugo Ines Jonas Karin Lars Mette Nils Olga Paul Rosa Simon Tessa Uwe
Vera Willem Yara Anton Bea Carl Dora Emil Freja Georg Hanna Ivan Julia Kaspar Lea Marek Nora Otto Petra Ruben Sara
Tomas Ursula Viktor Wanda Aino Bram Chiara Diego Eva Finn Gina Henk Ida Jan Kaja Luca Maja Noel""".split()
_FAMILY = """Lindqvist Moretti Kowalski Osei Berg Vries Martin Hartmann Hill Nowak Holm Ashby Torres Laine Wolf
Vik Rossi Novak Okafor Dubois Jansen Keller Silva Weber Larsen Costa Meyer Blom Ferrari Haas Jensen Kruse Lopez Maes
Nagel Olsen Peters Ricci Sand Toth Ulrich Visser Wagner Ziegler Adams Bauer Conti Dahl Engel Fischer Gomez Huber
Ivarsson Jung Kern Lund Mancini Nyman Ortiz Pohl Roth""".split()
_TITLES = ("Buyer", "Owner", "Manager", "Purchasing", "Facilities", "Accounts", "Office manager", "Warehouse", "Sales")
_MATERIALS = ("Oak", "Ash", "Beech", "Steel", "Walnut", "Linen", "Leather", "Felt", "Glass", "Cork", "Bamboo", "Birch")
_COLOURS = ("black", "white", "grey", "green", "blue", "red", "natural", "sand", "yellow", "graphite")
_GOODS = (
    ("desk", "DESK", 290, 900), ("meeting table", "DESK", 450, 1800), ("swivel chair", "CHAIR", 120, 480),
    ("guest chair", "CHAIR", 70, 260), ("stool", "CHAIR", 35, 120), ("filing cabinet", "FURNITURE", 150, 420),
    ("bookcase", "FURNITURE", 110, 520), ("storage unit", "FURNITURE", 180, 640), ("desk lamp", "LAMP", 19, 95),
    ("floor lamp", "LAMP", 55, 210), ("pen tray", "SUPPLIES", 4, 18), ("notebook", "SUPPLIES", 2, 14),
    ("document box", "SUPPLIES", 3, 22), ("whiteboard", "SUPPLIES", 60, 240),
)  # fmt: skip
_SERVICES = ("Assembly", "Delivery", "Repair", "Cleaning", "Interior planning", "Disposal", "Storage", "Fitting")
_CODES_OF_A_CURRENCY = {country.code: country.currency for country in _COUNTRIES}
_STRIDE, _OFFSET = 7919, 104_729
"""Primes: numbers counted on by one repeat only when all were used."""


def organisation(draw: Random, serial: int) -> Row:
    """A company as a customer's properties name it; no two serials share a tax number or a mail address."""
    country = draw.choice(_COUNTRIES)
    stem, trade = draw.choice(_STEMS), draw.choice(_TRADES)
    domain = f"{stem}-{trade}-{serial}.example".lower()
    return {
        "displayName": f"{stem} {trade} {draw.choice(country.forms)}",
        "email": f"office@{domain}",
        "website": f"https://www.{domain}",
        "taxRegistrationNumber": _counted(country.tax_number, serial),
        **_place(draw, country),
    }


def consumer(draw: Random, serial: int) -> Row:
    """A person who buys, as a customer's properties name one."""
    name = _name(draw)
    return {
        "displayName": name,
        "email": _mailbox(name, f"mail-{serial}.example"),
        "website": "",
        "taxRegistrationNumber": "",
        **_place(draw, draw.choice(_COUNTRIES)),
    }


def person(draw: Random, email: str) -> Row:
    """Someone at an organisation, with a mailbox beside its own."""
    name = _name(draw)
    return {
        "displayName": name,
        "jobTitle": draw.choice(_TITLES),
        "email": _mailbox(name, email.partition("@")[2]),
        "mobilePhoneNumber": _drawn(draw, "+49 15## #######"),
    }


def goods(draw: Random, serial: int) -> Row:
    """Something kept in stock."""
    thing, category, cheapest, dearest = draw.choice(_GOODS)
    cents = draw.randrange(cheapest * 20, dearest * 20) * 5
    return {
        "displayName": f"{draw.choice(_MATERIALS)} {thing}, {draw.choice(_COLOURS)}",
        "displayName2": f"Model {serial}",
        "itemCategoryCode": category,
        "gtin": _gtin(serial),
        "unitPrice": _money(cents),
        "unitCost": _money(cents * draw.randrange(50, 75) // 100),
        "inventory": str(draw.randrange(400)),
    }


def service(draw: Random, serial: int) -> Row:
    """Something done by the hour."""
    cents = draw.randrange(30, 120) * 100
    return {
        "displayName": f"{draw.choice(_SERVICES)}, level {serial % 9 + 1}",
        "displayName2": "",
        "itemCategoryCode": "SERVICES",
        "gtin": "",
        "unitPrice": _money(cents),
        "unitCost": _money(cents * 3 // 5),
        "inventory": "0",
    }


def currency_of(country: str) -> str:
    """What a customer there pays in; nothing where that is the local currency."""
    return _CODES_OF_A_CURRENCY[country]


def _place(draw: Random, country: _Country) -> Row:
    street, number = draw.choice(country.streets), draw.randrange(1, 200)
    return {
        "addressLine1": f"{number} {street}" if country.number_first else f"{street} {number}",
        "city": draw.choice(country.cities),
        "country": country.code,
        "postalCode": _drawn(draw, country.post_code),
        "phoneNumber": _drawn(draw, country.phone),
    }


def _name(draw: Random) -> str:
    return f"{draw.choice(_GIVEN)} {draw.choice(_FAMILY)}"


def _mailbox(name: str, domain: str) -> str:
    return f"{name.lower().replace(' ', '.')}@{domain}"


def _drawn(draw: Random, pattern: str) -> str:
    digits = pattern.count("#")
    return _filled(pattern, draw.randrange(10**digits), digits)


def _counted(pattern: str, serial: int) -> str:
    digits = pattern.count("#")
    return _filled(pattern, (_OFFSET + serial * _STRIDE) % 10**digits, digits)


def _filled(pattern: str, value: int, digits: int) -> str:
    return pattern.replace("#", "%s") % tuple(f"{value:0{digits}}")


def _gtin(serial: int) -> str:
    """Thirteen digits, the last of which checks the others."""
    body = f"2{(_OFFSET + serial * _STRIDE) % 10**11:011}"
    weighed = sum(int(digit) * (3 if index % 2 else 1) for index, digit in enumerate(body))
    return f"{body}{-weighed % 10}"


def _money(cents: int) -> str:
    return values.number(Decimal(cents) / 100)
