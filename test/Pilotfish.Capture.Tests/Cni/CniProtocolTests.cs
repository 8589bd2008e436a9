using System.Text.Json;

namespace Pilotfish.Capture.Tests.Cni;

public sealed class CniProtocolTests
{
    [Fact]
    public void Add_ChainedPlugin_PassesPreviousResultOn()
    {
        var call = new CniCall();

        CniReply reply = call.Run();

        Assert.Equal(0, reply.ExitCode);
        using JsonDocument config = JsonDocument.Parse(call.Config);
        Assert.True(JsonElement.DeepEquals(config.RootElement.GetProperty("prevResult"), reply.Body));
    }

    [Theory]
    [InlineData("0.3.1")]
    [InlineData("0.4.0")]
    [InlineData("1.0.0")]
    [InlineData("1.1.0")]
    public void Add_FirstInTheChain_AnswersAnEmptyResultOfThatVersion(string version)
    {
        CniReply reply = new CniCall { Config = $$"""{"cniVersion": "{{version}}", "name": "n", "type": "istio-cni"}""" }.Run();

        Assert.Equal(0, reply.ExitCode);
        Assert.Equal(version, reply.Body.GetProperty("cniVersion").GetString());
    }

    [Fact]
    public void Version_WithAndWithoutConfig_ListsVersions()
    {
        CniReply bare = new CniCall { Config = "" }.With("CNI_COMMAND", "VERSION").Run();
        CniReply asked = new CniCall { Config = """{"cniVersion": "0.4.0"}""" }.With("CNI_COMMAND", "VERSION").Run();

        Assert.Equal(
            ["0.3.1", "0.4.0", "1.0.0", "1.1.0"],
            bare.Body.GetProperty("supportedVersions").EnumerateArray().Select(v => v.GetString()));
        Assert.Equal("1.1.0", bare.Body.GetProperty("cniVersion").GetString());
        Assert.Equal("0.4.0", asked.Body.GetProperty("cniVersion").GetString());
    }

    [Theory]
    [InlineData("DEL", "0.3.1")]
    [InlineData("CHECK", "0.4.0")]
    [InlineData("STATUS", "1.1.0")]
    [InlineData("GC", "1.1.0")]
    public void OtherVerbs_Succeed_WithoutOutputOrRules(string verb, string version)
    {
        var call = new CniCall { Config = Configured(version, WriteKubeconfig()) }.With("CNI_COMMAND", verb);

        CniReply reply = call.Run();

        Assert.Equal(0, reply.ExitCode);
        Assert.True(reply.IsSilent);
        Assert.Null(call.Applied);
        Assert.Equal(0, call.Lookups);
    }

    [Fact]
    public void Del_NamespaceIsGone_Succeeds()
    {
        Assert.Equal(0, new CniCall().With("CNI_COMMAND", "DEL").With("CNI_NETNS", "").Run().ExitCode);
    }

    [Theory]
    [InlineData("no kubeconfig", false, "", "kubeconfig")]
    [InlineData("no iptables", true, "iptables", "lacks iptables")]
    [InlineData("no ip", true, "ip", "lacks ip")]
    public void Status_SomethingIsMissing_IsNotAvailableAndNamesIt(string because, bool kubeconfig, string program, string said)
    {
        var call = new CniCall { Config = Configured("1.1.0", kubeconfig ? WriteKubeconfig() : "/nonexistent") };
        call.MissingPrograms.Add(program);

        CniReply reply = call.With("CNI_COMMAND", "STATUS").Run();

        Assert.Equal(50, reply.ErrorCode);
        Assert.True(reply.ErrorText.Contains(said, StringComparison.Ordinal), because);
    }

    [Theory]
    [InlineData("ADD", "0.2.0", 1)]
    [InlineData("ADD", "9.9.9", 1)]
    [InlineData("ADD", "", 1)]
    [InlineData("CHECK", "0.3.1", 1)]
    [InlineData("STATUS", "1.0.0", 1)]
    [InlineData("GC", "0.4.0", 1)]
    public void Version_ThatVerbDoesNotHave_IsRefused(string verb, string version, int code)
    {
        CniReply reply = new CniCall { Config = Configured(version, "/nonexistent") }.With("CNI_COMMAND", verb).Run();

        Assert.Equal(1, reply.ExitCode);
        Assert.Equal(code, reply.ErrorCode);
    }

    [Theory]
    [InlineData("CNI_COMMAND", "", "CNI_COMMAND is not set")]
    [InlineData("CNI_COMMAND", "add", "'add'")]
    [InlineData("CNI_CONTAINERID", "", "CNI_CONTAINERID")]
    [InlineData("CNI_CONTAINERID", "../x", "'../x'")]
    [InlineData("CNI_NETNS", "", "CNI_NETNS")]
    [InlineData("CNI_IFNAME", "", "CNI_IFNAME")]
    [InlineData("CNI_IFNAME", "a/b", "'a/b'")]
    [InlineData("CNI_IFNAME", "a-name-that-is-too-long", "a-name-that-is-too-long")]
    [InlineData("CNI_ARGS", "K8S_POD_NAME", "'K8S_POD_NAME'")]
    [InlineData("CNI_ARGS", "K8S_POD_NAME=../../secrets;K8S_POD_NAMESPACE=shop", "'../../secrets'")]
    [InlineData("CNI_ARGS", "K8S_POD_NAME=web;K8S_POD_NAMESPACE=a\nb", "'a\\x0ab'")]
    public void Environment_ThatIsWrong_IsCode4AndNamesTheVariable(string variable, string value, string said)
    {
        CniReply reply = new CniCall().With(variable, value).Run();

        Assert.Equal(1, reply.ExitCode);
        Assert.Equal(4, reply.ErrorCode);
        Assert.Contains(said, reply.ErrorText, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", 6)]
    [InlineData("{", 6)]
    [InlineData("[]", 6)]
    [InlineData("""{"cniVersion": "1.0.0", "prevResult": []}""", 7)]
    [InlineData("""{"cniVersion": "1.0.0", "exclude_namespaces": [1]}""", 7)]
    [InlineData("""{"cniVersion": "1.0.0", "native_nftables": "yes"}""", 7)]
    [InlineData("""{"cniVersion": 1}""", 7)]
    public void Config_ThatIsWrong_IsAnError(string config, int code)
    {
        CniReply reply = new CniCall { Config = config }.Run();

        Assert.Equal(1, reply.ExitCode);
        Assert.Equal(code, reply.ErrorCode);
    }

    [Fact]
    public void Config_Oversize_IsRefusedUnread()
    {
        Assert.Equal(7, new CniCall { Config = "\"" + new string('x', 2_000_000) + "\"" }.Run().ErrorCode);
    }

    [Fact]
    public void UnexpectedFault_BecomesAnErrorObject()
    {
        CniReply reply = new CniCall { Apply = _ => throw new InvalidOperationException("odd") }.Run();

        Assert.Equal(999, reply.ErrorCode);
        Assert.Contains("odd", reply.ErrorText, StringComparison.Ordinal);
    }

    private static string Configured(string version, string runDir) =>
        $$"""{"cniVersion": "{{version}}", "name": "n", "type": "istio-cni", "cni_agent_run_dir": "{{runDir}}"}""";

    private static string WriteKubeconfig()
    {
        string folder = Directory.CreateTempSubdirectory("pilotfish-cni-").FullName;
        File.WriteAllText(Path.Combine(folder, "istio-cni-kubeconfig"), FakeKubernetes.Kubeconfig("http://127.0.0.1:1", null, "t"));
        return folder;
    }
}
