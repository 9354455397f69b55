from automl.testing import parametrize_with_plugin_checks


@parametrize_with_plugin_checks("automl-plugin-carry")
def test_contract(check):
    check()
