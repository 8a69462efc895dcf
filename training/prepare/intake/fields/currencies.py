"""Currencies by what stands beside a number."""

import re
from functools import lru_cache

# ISO 4217: the currencies in use.
CODES = frozenset(
    """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD
    CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF
    GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK
    LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR
    PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP
    SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER
    ZAR ZMW ZWG ZWL
    """.split()  # noqa: SIM905  150 strings in quotes are harder to read
)
# "Â£" is a pound sign in UTF-8 that was decoded as Latin-1.
_SIGNS = {
    "£": "GBP", "Â£": "GBP", "€": "EUR", "euro": "EUR", "euros": "EUR", "us$": "USD", "$us": "USD", "a$": "AUD",
    "au$": "AUD", "c$": "CAD", "ca$": "CAD", "nz$": "NZD", "hk$": "HKD", "s$": "SGD", "sg$": "SGD", "r$": "BRL",
    "mx$": "MXN", "nt$": "TWD", "¥": "JPY", "￥": "JPY", "円": "JPY", "cn¥": "CNY", "元": "CNY", "rmb": "CNY",
    "₹": "INR", "rs": "INR", "₽": "RUB", "руб": "RUB", "р": "RUB", "₴": "UAH", "грн": "UAH", "zł": "PLN", "zl": "PLN",
    "kč": "CZK", "ft": "HUF", "lei": "RON", "лв": "BGN", "₺": "TRY", "tl": "TRY", "₩": "KRW", "원": "KRW", "₪": "ILS",
    "₫": "VND", "đ": "VND", "฿": "THB", "₱": "PHP", "₦": "NGN", "₵": "GHS", "₸": "KZT", "₾": "GEL", "fr": "CHF",
    "sfr": "CHF", "rp": "IDR", "rm": "MYR",
}  # fmt: skip
# Signs of several currencies. A dollar is that of the United States if nothing else is said; a crown is of any country.
DOLLAR, CROWN = "$", "kr"
_ANY = {DOLLAR: DOLLAR, CROWN: CROWN}
# Pesos, which are written with the sign $ too.
_PESOS = frozenset({"ARS", "CLP", "COP", "CUP", "DOP", "MXN", "UYU"})
# Where these currencies are used, the comma never separates decimals.
COMMA_GROUPS = frozenset(
    {"GBP", "USD", DOLLAR, "JPY", "CNY", "INR", "KRW", "THB", "ILS", "HKD", "SGD", "AUD", "NZD", "TWD"}
)


@lru_cache(maxsize=1_000)
def currency_at(before: str, after: str) -> str | None:
    """The currency that stands before or after a number: an ISO code, DOLLAR or CROWN; "" if there is none.

    None if there is anything else, or two different currencies.
    """
    one, two = _currency(before), _currency(after)
    if one is None or two is None:
        return None
    if one == two or not one or not two:
        return one or two
    exact = {code for code in (one, two) if code not in _ANY}
    generic = {code for code in (one, two) if code in _ANY}
    if len(exact) != 1 or not all(may_mean(sign, min(exact)) for sign in generic):
        return None
    return exact.pop()


def may_mean(sign: str, code: str) -> bool:
    """Whether DOLLAR or CROWN may stand for the currency of this ISO code."""
    return sign == CROWN or code.endswith("D") or code in _PESOS


def known_code(text: str) -> str | None:
    """The ISO code in a cell such as "eur" or "€"; None if there is none."""
    code = _currency(text)
    return "USD" if code == DOLLAR else code if code in CODES else None


def code_in_brackets(header: str) -> str | None:
    """The ISO code in a header such as "Price (EUR)"."""
    found = re.search(r"[(\[]\s*([^)\]]{1,5}?)\s*[)\]]", header)
    return known_code(found[1]) if found else None


def _currency(text: str) -> str | None:
    sign = "".join(text.split()).rstrip(".")
    if not sign:
        return ""
    if sign.upper() in CODES:
        return sign.upper()
    return _SIGNS.get(sign) or _SIGNS.get(sign.lower()) or _ANY.get(sign.lower())
