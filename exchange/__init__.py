"""One agency asks, another answers: inquiries, decisions, bundles in transit."""
