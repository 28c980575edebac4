"""The fields of a person's record on pages: names of HTCDS fields in words, in groups, and the forms out of them."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from flask import request
from flask_babel import lazy_gettext as _l

from desk import case_words
from desk.forms import DeskForm, clean, long_text, one_of, options, text
from identity.htcds import FIELDS
from identity.name_requests import IDENTIFYING
from identity.persons import ROLES

LABELS: Final[Mapping[str, Any]] = {
    "prs_salutation": _l("Salutation"), "prs_firstname": _l("First name"), "prs_middlename": _l("Middle name"),
    "prs_secondname": _l("Family name"), "prs_birthdate": _l("Date of birth"),
    "prs_identitynumber": _l("Number of an identity document"), "prs_email": _l("Email"),
    "prs_homephone": _l("Phone at home"), "prs_mobilephone": _l("Mobile phone"),
    "prs_mailingstreet": _l("Street"), "prs_mailingpostalcode": _l("Postal code"),
    "prs_mailinglongitude": _l("Longitude of the address"), "prs_mailinglatitude": _l("Latitude of the address"),
    "prs_gender": _l("Gender"), "prs_title": _l("Pronouns or title"), "prs_deceased": _l("Deceased"),
    "prs_maritalstatus": _l("Marital status"), "prs_numberofchildren": _l("Number of children"),
    "prs_primarylanguage": _l("First language"), "prs_secondarylanguage": _l("Second language"),
    "prs_highestlevelofeducation": _l("Education"), "prs_citizenship": _l("Citizenship"),
    "prs_mailingcity": _l("City"), "prs_mailingcountry": _l("Country"), "prs_mailingstate": _l("Region"),
    "vic_agreementtomanagepersonaldata": _l("Agreed that the data is kept"),
    "vic_traffickingstatus": _l("Status as a victim"),
    "vic_traffickingstatusdecisionmakingorg": _l("Who decided on the status"),
    "vic_relationshiptotrafficker": _l("Relationship to the trafficker"),
    "vic_agewhentrafficked": _l("Age when trafficked"),
    "vic_recruitmentwebsitesandapps": _l("Sites and apps of recruitment"),
    "vic_methodofrecruitment": _l("Method of recruitment"), "vic_locationofrecruitment": _l("Place of recruitment"),
    "vic_methodsofcontrol": _l("Methods of control"), "vic_typeofexploitation": _l("Type of exploitation"),
    "vic_forcedlabourindustry": _l("Industry of forced labour"),
    "vic_typeofsexexploitation": _l("Type of sexual exploitation"),
    "vic_locationofexploitation": _l("Place of exploitation"),
    "vic_exploitationwebsitesandapps": _l("Sites and apps of exploitation"),
    "vic_vulnerabilities": _l("Vulnerabilities"), "vic_detailsofvulnerabilities": _l("Details of vulnerabilities"),
    "per_roleinprocess": _l("Role in the trafficking"), "per_roledetails": _l("Details of the role"),
    "per_organisation": _l("Organisation"),
    "cas_status": _l("Status of the referral"), "cas_reasonforcaseclosure": _l("Why it was closed"),
    "cas_caseowner": _l("Who answers for it"), "cas_referringorganisation": _l("Referred by"),
    "cas_incomingreferraldate": _l("Referred on"),
    "cas_referringprimarycaseworker": _l("Case worker who referred"),
    "cas_reasonforincomingreferral": _l("Reason of the referral"),
    "cas_incomingreferraldetails": _l("Details of the referral"), "cas_referredorganisation": _l("Referred to"),
    "cas_referredprimarycaseworker": _l("Case worker there"),
    "cas_reasonforoutgoingreferral": _l("Reason of the referral onward"),
    "cas_outgoingreferraldate": _l("Referred onward on"),
    "cas_outgoingreferraldetails": _l("Details of the referral onward"), "cco_casecomment": _l("Comment"),
    "hte_longitude": _l("Longitude"), "hte_latitude": _l("Latitude"), "hte_city": _l("City of the event"),
    "hte_country": _l("Country of the event"), "hte_state": _l("Region of the event"),
    "hte_street": _l("Street of the event"), "hte_postalcode": _l("Postal code of the event"),
    "hte_date": _l("Date of the event"), "hte_type": _l("Type of event"), "hte_description": _l("What happened"),
    "spl_objectives": _l("Objectives"), "spl_actionplan": _l("Plan"), "spl_plannedenddate": _l("Planned end"),
    "spl_actualenddate": _l("Actual end"), "spl_type": _l("Type of plan"), "con_consent": _l("Consent as noted"),
    "org_name": _l("Name of the organisation"), "org_shippingcity": _l("City of the organisation"),
    "org_shippingcountry": _l("Country of the organisation"), "org_shippingstate": _l("Region of the organisation"),
    "org_shippingstreet": _l("Street of the organisation"),
    "org_shippingpostalcode": _l("Postal code of the organisation"),
    "org_shippinglongitude": _l("Longitude of the organisation"),
    "org_shippinglatitude": _l("Latitude of the organisation"), "org_phone": _l("Phone of the organisation"),
    "org_type": _l("Type of organisation"),
}  # fmt: skip
LONG: Final = frozenset(
    {
        "vic_detailsofvulnerabilities", "per_roledetails", "cas_incomingreferraldetails",
        "cas_outgoingreferraldetails", "cco_casecomment", "hte_description", "spl_objectives", "spl_actionplan",
    }
)  # fmt: skip
IDENTITY: Final = "identity"
# Group to its title and the start of its fields' names; those that name somebody stand in a group of their own.
_PREFIXES: Final = (
    ("person", _l("About the person"), "prs_"), ("trafficking", _l("What was done to the person"), "vic_"),
    ("role", _l("Part in the trafficking"), "per_"), ("event", _l("Event"), "hte_"),
    ("referral", _l("Referral"), "cas_"), ("plan", _l("Support plan"), "spl_"),
    ("organisation", _l("Organisation"), "org_"), ("notes", _l("Comment and consent as noted"), ("cco_", "con_")),
)  # fmt: skip
GROUPS: Final[tuple[tuple[str, Any, tuple[str, ...]], ...]] = (
    (IDENTITY, _l("Name and what identifies"), tuple(name for name in LABELS if name in IDENTIFYING)),
    *(
        (key, title, tuple(name for name in LABELS if name.startswith(prefix) and name not in IDENTIFYING))
        for key, title, prefix in _PREFIXES
    ),
)


def filled(values: Mapping[str, str], *, with_identity: bool) -> list[tuple[str, Any, list[tuple[Any, str]]]]:
    """Groups with the fields that are filled: (key, title, [(label, value)])."""
    found = []
    for key, title, names in GROUPS:
        if key != IDENTITY or with_identity:
            rows = [(LABELS[name], values[name]) for name in names if values.get(name)]
            if rows:
                found.append((key, title, rows))
    return found


def make_form(values: Mapping[str, str], role: str | None, *, with_identity: bool) -> DeskForm:
    """A form of all fields, or of all that do not name the person."""
    names = [name for name in FIELDS if with_identity or name not in IDENTIFYING or name in request.form]
    fields: dict[str, Any] = {
        name: long_text(LABELS[name], most=_most(values.get(name), 4000))
        if name in LONG
        else text(LABELS[name], most=_most(values.get(name)))
        for name in names
    }
    fields["role"] = one_of(
        _l("Who is this in the case?"), options(ROLES, case_words.ROLES.__getitem__),
        missing=_l("Choose who this is in the case"),
    )  # fmt: skip
    made: DeskForm = type("PersonForm", (DeskForm,), fields)(data={**values, "role": role})
    for name in names:
        made[name].flags.optional = False  # said once for all of them, at the head of the page
    return made


def _most(before: str | None, usual: int = 200) -> int:
    """A field that came longer out of a table stays so."""
    return max(usual, len(before or ""))


def values_of(form: DeskForm, before: Mapping[str, str]) -> dict[str, str]:
    """What the record says after this form; fields that it does not show stay as they were."""
    after = dict(before)
    for name in FIELDS:
        if name in form and name in request.form:
            after[name] = clean(form[name].data) or ""
    return {name: value for name, value in after.items() if value}


def groups_in(form: DeskForm) -> Iterable[tuple[str, Any, list[Any], bool]]:
    """Groups of a form: (key, title, fields, whether something in it is filled or wrong)."""
    for key, title, names in GROUPS:
        fields = [form[name] for name in names if name in form]
        if fields:
            yield key, title, fields, any(one.data or one.errors for one in fields)
