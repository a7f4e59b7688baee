"""The demo: two local servers, the four flows live, and a proof that owes nothing to Syncline."""
