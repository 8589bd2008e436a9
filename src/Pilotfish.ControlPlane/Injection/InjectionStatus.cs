using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Merging;

namespace Pilotfish.ControlPlane.Injection;

/// <summary>The annotation that says what injection added, so that a later injection can take it away again.</summary>
internal sealed record InjectionStatus(IReadOnlyList<string> InitContainers, IReadOnlyList<string> Containers)
{
    private static readonly string[] s_lists = ["initContainers", "containers", "volumes", "imagePullSecrets"];

    /// <summary>The status of a pod that was injected before; null where it was not or where the annotation is no JSON.</summary>
    public static InjectionStatus? Read(YamlMapping pod)
    {
        if (pod.TextAt("metadata", "annotations", InjectionKeys.Status) is not { } text)
        {
            return null;
        }

        var parsed = YamlDocuments.Parse(text, InjectionKeys.Status);
        return parsed.IsOk && parsed.Documents is [YamlMapping status]
            ? new InjectionStatus(Names(status, "initContainers"), Names(status, "containers"))
            : null;
    }

    /// <summary>The annotation for what the templates rendered.</summary>
    public static string Write(YamlMapping templatePod, string revision)
    {
        var status = new YamlMapping();
        foreach (var list in s_lists)
        {
            var names = templatePod.Mapping("spec").Items(list)
                .Select(item => (YamlNode)YamlScalar.String(item.Text("name") ?? "")).ToList();
            status[list] = names.Count == 0 ? YamlScalar.Null() : new YamlSequence(names);
        }

        status.Set("revision", revision.Length == 0 ? "default" : revision);
        return NodeJson.Print(status);
    }

    private static IReadOnlyList<string> Names(YamlMapping status, string key) =>
        status.Sequence(key)?.Items.OfType<YamlScalar>().Select(item => item.Text).ToList() ?? [];
}
