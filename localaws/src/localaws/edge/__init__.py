"""The cafe's doors on one machine: what the load balancers of the embedded AWS let through.

`gateway` starts it. Customers come to the ALB's port, tills to the NLB's, the card provider to the
API's. Which service answers, if any, is read from the emulated state with each request, so that
what is changed there by an API call is seen by the next guest.
"""
