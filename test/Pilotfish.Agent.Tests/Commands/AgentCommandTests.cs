using Pilotfish.Agent.Commands;
using Pilotfish.Api.Messages;
using BootstrapMessage = Envoy.Config.Bootstrap.V3.Bootstrap;

namespace Pilotfish.Agent.Tests.Commands;

public sealed class AgentCommandTests
{
    private static readonly Dictionary<string, string> s_pod = new()
    {
        ["POD_NAME"] = "web-1",
        ["POD_NAMESPACE"] = "prod",
        ["INSTANCE_IP"] = "10.1.2.3",
        ["PROXY_CONFIG"] = """{"discoveryAddress":"istiod.istio-system.svc:15012","terminationDrainDuration":"1m"}""",
        ["ISTIO_META_WORKLOAD_NAME"] = "web",
    };

    [Fact]
    public void PrintBootstrap_PrintsWhatIstiosArgumentsGive()
    {
        (int exit, string output, string errors) = Run(
            "proxy",
            "sidecar",
            "--domain",
            "$(POD_NAMESPACE).svc.cluster.local",
            "--proxyLogLevel=warning",
            "--proxyComponentLogLevel=misc:error",
            "--log_output_level=default:info",
            "--some-new-flag",
            "value",
            "--print-bootstrap");

        Assert.Equal("", errors);
        Assert.Equal(0, exit);
        BootstrapMessage bootstrap = MessageReader.Parse<BootstrapMessage>(output, "printed").Message!;
        Assert.StartsWith("sidecar~10.1.2.3~web-1.prod~", bootstrap.Node.Id, StringComparison.Ordinal);
        Assert.Equal("web.prod", bootstrap.Node.Cluster);
        Assert.Equal("istiod.istio-system.svc", bootstrap.Node.Metadata.Fields["PILOT_SAN"].ListValue.Values[0].StringValue);
        Assert.Equal("60s", bootstrap.Node.Metadata.Fields["PROXY_CONFIG"].StructValue.Fields["terminationDrainDuration"].StringValue);
    }

    [Theory]
    [InlineData("invalid proxy Type: toaster", "proxy", "toaster")]
    [InlineData("flag needs an argument: --domain", "proxy", "sidecar", "--domain")]
    [InlineData("invalid argument \"many\" for \"--concurrency\" flag", "proxy", "sidecar", "--concurrency=many")]
    [InlineData("debug port 80 is not in allowed list [15000 15004 15020 15021]", "request", "--debug-port", "80", "GET", "/stats")]
    [InlineData("requires at least 2 arg(s), only received 1", "request", "GET")]
    [InlineData("timeout waiting for Envoy proxy to become ready", "wait", "--timeoutSeconds=0", "--periodMillis", "1")]
    public void WrongArguments_EndWith255AndSayWhy(string message, string role, params string[] args)
    {
        (int exit, _, string errors) = Run(role, args);

        Assert.Equal(255, exit);
        Assert.Contains(message, errors, StringComparison.Ordinal);
    }

    [Fact]
    public void MisspeltField_IsPassedOverAndSaid()
    {
        var variables = new Dictionary<string, string>(s_pod) { ["PROXY_CONFIG"] = "{discoveryAddress: 'a:15012', concurency: 2}" };
        var output = new StringWriter();
        var errors = new StringWriter();

        Assert.Equal(0, AgentCommand.Run("proxy", ["sidecar", "--print-bootstrap"], variables, output, errors));

        Assert.Equal(
            "Warning: PROXY_CONFIG:1:31: The field 'concurency' is unknown in 'istio.mesh.v1alpha1.ProxyConfig'. Did you mean 'concurrency'?",
            errors.ToString().TrimEnd());
    }

    [Fact]
    public void BrokenProxyConfig_IsNamedWithItsPlace()
    {
        var variables = new Dictionary<string, string>(s_pod) { ["PROXY_CONFIG"] = "{\"drainDuration\": \"soon\"}" };
        var errors = new StringWriter();

        int exit = AgentCommand.Run(
            "proxy", ["sidecar"], variables, TextWriter.Null, errors, _ => throw new InvalidOperationException("not reached"));

        Assert.Equal(255, exit);
        Assert.Contains("PROXY_CONFIG:1:19: A duration such as 1.5s is expected", errors.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void FlagSet_TakesFlagsAndArgumentsInAnyOrder()
    {
        FlagSet flags = new FlagSet().Text("name").Boolean("all", false).Number("n", 3);

        Assert.Null(flags.Parse(["a", "--name=x", "--all", "b", "--n", "5", "--", "--c"], tolerateUnknown: false));
        Assert.Equal(["a", "b", "--c"], flags.Arguments);
        Assert.Equal("x", flags.GetText("name"));
        Assert.True(flags.GetBoolean("all"));
        Assert.True(flags.TryGetNumber("n", out int n, out _));
        Assert.Equal(5, n);
        Assert.Equal("unknown flag: --what", new FlagSet().Parse(["--what"], tolerateUnknown: false));
    }

    private static (int Exit, string Output, string Errors) Run(string role, params string[] args)
    {
        var output = new StringWriter();
        var errors = new StringWriter();
        int exit = AgentCommand.Run(
            role, args, s_pod, output, errors, _ => throw new InvalidOperationException("The data plane must not start here."));
        return (exit, output.ToString(), errors.ToString());
    }
}
