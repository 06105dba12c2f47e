"""What whoever administers a node is shown: people, roles, devices, policies, contracts, connectors, health.

All of it is read under a watch of scope `administration`, through `compliance.desk`, and each look is an entry.
What is changed is changed by signed commands of the capabilities that own it; nothing here changes anything. Start
at `people.PeoplePages`.
"""
