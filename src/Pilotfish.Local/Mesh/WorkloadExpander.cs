using System.Security.Cryptography;
using Pilotfish.Api.Yaml;
using Pilotfish.Local.Manifests;

namespace Pilotfish.Local.Mesh;

/// <summary>Finds workloads among manifests and builds pods from their templates, as Kubernetes' controllers do.</summary>
internal static class WorkloadExpander
{
    /// <summary>Each pod is a handful of processes; more than this on one machine is a typing error.</summary>
    private const int ReplicasMax = 500;

    private const int HashLength = 10;
    private const int SuffixLength = 5;

    /// <summary>Kubernetes' own alphabet for generated names: no vowels, so no words.</summary>
    private const string SuffixAlphabet = "bcdfghjklmnpqrstvwxz2456789";

    private static readonly string[] s_kinds = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod", "Job"];

    public static bool IsWorkload(ManifestObject item) =>
        item.ApiVersion is "v1" or "apps/v1" or "batch/v1" && s_kinds.Contains(item.Kind);

    public static DesiredWorkload Read(ManifestObject item)
    {
        YamlMapping template = item.Kind == "Pod"
            ? item.Root
            : item.Spec.MappingOf("template") ?? throw new ManifestException(item.Root.Position, $"{item.Kind} '{item.Name}' has no 'spec.template'.");
        int replicas = item.Kind switch
        {
            "Pod" or "DaemonSet" => 1,
            "Job" => item.Spec.NumberOf("parallelism", 1, 0, ReplicasMax),
            _ => item.Spec.NumberOf("replicas", 1, 0, ReplicasMax),
        };
        string hash = Convert.ToHexStringLower(SHA256.HashData(JsonText.Write(template)))[..HashLength];
        return new DesiredWorkload(item.Kind, item.Name, replicas, template, hash);
    }

    /// <summary>The Pod object that the API server would see created, before injection.</summary>
    public static YamlMapping CreatePod(DesiredWorkload workload, int ordinal)
    {
        string owner = workload.Name.Name;
        string replicaSet = workload.Kind == "Deployment" ? $"{owner}-{workload.Hash}" : owner;
        string name = workload.Kind switch
        {
            "Pod" => owner,
            "StatefulSet" => $"{owner}-{ordinal}",
            _ => $"{replicaSet}-{RandomNumberGenerator.GetString(SuffixAlphabet, SuffixLength)}",
        };
        var metadata = (YamlMapping)(workload.Template.MappingOf("metadata")?.Clone() ?? new YamlMapping());
        metadata.Set("name", name);
        metadata.Set("namespace", workload.Name.Namespace);
        if (workload.Kind != "Pod")
        {
            AddOwner(workload, metadata, replicaSet, ordinal);
        }

        var pod = new YamlMapping(workload.Template.Position);
        pod.Set("apiVersion", "v1");
        pod.Set("kind", "Pod");
        pod["metadata"] = metadata;
        pod["spec"] = workload.Template.MappingOf("spec")?.Clone()
            ?? throw new ManifestException(workload.Template.Position, $"{workload.Kind} '{workload.Name}' has no pod 'spec'.");
        return pod;
    }

    private static void AddOwner(DesiredWorkload workload, YamlMapping metadata, string replicaSet, int ordinal)
    {
        YamlMapping labels = metadata.MappingOf("labels") ?? new YamlMapping();
        switch (workload.Kind)
        {
            case "Deployment":
                labels.Set("pod-template-hash", workload.Hash);
                break;
            case "StatefulSet":
                labels.Set("statefulset.kubernetes.io/pod-name", $"{workload.Name.Name}-{ordinal}");
                labels.Set("apps.kubernetes.io/pod-index", ordinal.ToString(System.Globalization.CultureInfo.InvariantCulture));
                break;
            default:
                labels.Set("controller-revision-hash", workload.Hash);
                break;
        }

        metadata["labels"] = labels;
        var reference = new YamlMapping();
        reference.Set("apiVersion", workload.Kind == "Job" ? "batch/v1" : "apps/v1");
        reference.Set("kind", workload.Kind == "Deployment" ? "ReplicaSet" : workload.Kind);
        reference.Set("name", replicaSet);
        reference["controller"] = YamlScalar.Boolean(true);
        metadata["ownerReferences"] = new YamlSequence([reference]);
        metadata.Set("generateName", replicaSet + "-");
    }
}
