"""A client for the HTTP API, with a function for each route; and what scripts/ask draws.

    from client.api import LookalikeClient
    from client.auth import Bearer

    url = "https://search.shop.example"
    with LookalikeClient(url, auth=Bearer(url, token)) as client:
        answer = client.predict(Path("sofa.jpg"), k=8, max_price=200)
        for result in answer.results:
            print(result.score, result.title, result.price)

Every function raises `ClientError` if there is no usable answer; its text is written for people. See docs/api.md.
"""
