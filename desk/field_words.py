"""Fields of a person in words, the same wherever a page shows one: in the vault, in a share, in what was received."""

from collections.abc import Mapping
from typing import Any, Final

from flask_babel import lazy_gettext as _l

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


def field_words(name: str) -> str:
    """A field by its HTCDS name; one that is in no list, as another agency may send it, by its name alone."""
    return str(LABELS[name]) if name in LABELS else name.partition("_")[2].replace("_", " ").capitalize() or name
