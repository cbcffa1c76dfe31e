"""Early identification of pupils at risk of leaving school, with reasons and doubt."""
