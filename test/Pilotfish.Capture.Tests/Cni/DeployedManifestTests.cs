using Pilotfish.Api.Yaml;
using Pilotfish.Capture.Cni.Install;
using Pilotfish.Capture.Cni.Repair;
using Pilotfish.Capture.Command;

namespace Pilotfish.Capture.Tests.Cni;

/// <summary>deploy/cni.yaml sets what install-cni understands, and grants and mounts what the chosen repair needs.</summary>
public sealed class DeployedManifestTests
{
    private static readonly YamlMapping[] s_objects = Read();

    [Fact]
    public void Variables_OfTheDaemonSet_AreFlagsOfInstallCni()
    {
        Dictionary<string, string> variables = Variables();

        Assert.Empty(variables.Keys.Except(InstallFlags.All.SelectMany(flag => flag.Variables)));
        RepairOptions repair = RepairOptions.Read(FlagParser.Parse(InstallFlags.All, [], variables));
        Assert.Equal((RepairMode.Repair, "spec.nodeName"), (repair.Mode, repair.NodeName));
    }

    [Fact]
    public void Rights_OfTheServiceAccount_AreWhatPluginAndRepairAskFor()
    {
        YamlMapping role = s_objects.Single(o => o.Text("kind") == "ClusterRole");
        string[] rights = [.. role.Sequence("rules")!.Items.Cast<YamlMapping>().SelectMany(
            rule => Texts(rule, "verbs").Select(verb => $"{verb} {Texts(rule, "resources").Single()}"))];

        Assert.Equal(["get pods", "list pods", "watch pods", "create events"], rights);
    }

    [Fact]
    public void Container_SeesTheNodesProcessesAndMayEnterNetworks()
    {
        YamlMapping container = Container();

        Assert.Contains(
            container.Sequence("volumeMounts")!.Items.Cast<YamlMapping>(),
            mount => mount.Text("mountPath") == InstallFlags.All.Single(flag => flag.Name == InstallFlags.ProcDir).Default);
        Assert.Equal(
            ["NET_ADMIN", "NET_RAW", "SYS_ADMIN", "SYS_PTRACE"],
            Texts(container.Mapping("securityContext")!.Mapping("capabilities")!, "add"));
    }

    private static Dictionary<string, string> Variables() => Container().Sequence("env")!.Items.Cast<YamlMapping>().ToDictionary(
        variable => variable.Text("name")!,
        variable => variable.Text("value") ?? variable.Mapping("valueFrom")!.Mapping("fieldRef")!.Text("fieldPath")!);

    private static YamlMapping Container() => (YamlMapping)s_objects.Single(o => o.Text("kind") == "DaemonSet")
        .Mapping("spec")!.Mapping("template")!.Mapping("spec")!.Sequence("containers")!.Items.Single();

    private static string[] Texts(YamlMapping node, string key) => [.. node.Sequence(key)!.Items.Cast<YamlScalar>().Select(item => item.Text)];

    private static YamlMapping[] Read()
    {
        string at = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(at, "deploy", "cni.yaml")))
        {
            at = Path.GetDirectoryName(at) ?? throw new FileNotFoundException("No deploy/cni.yaml above the tests.");
        }

        YamlParseResult parsed = YamlDocuments.Parse(File.ReadAllText(Path.Combine(at, "deploy", "cni.yaml")), "cni.yaml");
        Assert.Empty(parsed.Errors);
        return [.. parsed.Documents.Cast<YamlMapping>()];
    }
}
