"""What other programs read: JUnit XML, SARIF, annotations of a CI log, spreadsheets."""
