using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Merging;
using Pilotfish.ControlPlane.Injection.Shapes;

namespace Pilotfish.ControlPlane.Injection;

/// <summary>Where the pod stands inside a workload's document.</summary>
internal sealed class WorkloadTemplate
{
    /// <summary>Kinds that hold a pod template, by version. Others pass through, as they do in Istio.</summary>
    private static readonly Dictionary<string, string[]> s_kinds = new(StringComparer.Ordinal)
    {
        // The first OpenShift releases had their kind in the core group.
        ["v1"] = ["Pod", "ReplicationController", "DeploymentConfig"],
        ["apps/v1"] = ["Deployment", "DaemonSet", "ReplicaSet", "StatefulSet"],
        ["batch/v1"] = ["Job", "CronJob"],
        ["apps.openshift.io/v1"] = ["DeploymentConfig"],
    };

    private readonly YamlMapping _document;
    private readonly YamlMapping _metadataHolder;
    private readonly YamlMapping _specHolder;

    private WorkloadTemplate(
        YamlMapping document, YamlMapping metadataHolder, YamlMapping specHolder, WorkloadOwner owner)
    {
        _document = document;
        _metadataHolder = metadataHolder;
        _specHolder = specHolder;
        Owner = owner;
    }

    public WorkloadOwner Owner { get; }

    /// <summary>The pod of the workload. It is a copy on top, and shares the parts below with the document.</summary>
    public YamlMapping Pod
    {
        get
        {
            var pod = new YamlMapping();
            pod["metadata"] = _metadataHolder.Mapping("metadata") ?? new YamlMapping();
            pod["spec"] = _specHolder.Mapping("spec") ?? new YamlMapping();
            return pod;
        }
    }

    /// <summary>Whether a document is of a kind that can be injected.</summary>
    public static bool IsWorkload(YamlMapping document) =>
        s_kinds.TryGetValue(document.Text("apiVersion") ?? "", out var kinds) && kinds.Contains(document.Text("kind"));

    /// <summary>Finds the pod in a document that <see cref="IsWorkload"/>.</summary>
    /// <exception cref="InjectionException">The workload has no pod template.</exception>
    public static WorkloadTemplate Of(YamlMapping document)
    {
        var kind = document.Text("kind")!;
        if (kind == "Pod")
        {
            return new WorkloadTemplate(document, document, document, WorkloadOwner.OfPod(document));
        }

        var metadata = document.Mapping("metadata");
        var owner = new WorkloadOwner(
            document.Text("apiVersion")!, kind, metadata?.Text("namespace") ?? "", metadata?.Text("name") ?? "");
        // A CronJob's pod takes its metadata from the job template, as it always has in Istio.
        var holder = kind == "CronJob" ? document.At("spec", "jobTemplate") as YamlMapping : document;
        return holder.At("spec", "template") is YamlMapping template
            ? new WorkloadTemplate(document, kind == "CronJob" ? holder! : template, template, owner)
            : throw new InjectionException($"{document.Position}: spec.template is required in {kind} \"{owner.Name}\"");
    }

    /// <summary>Writes an injected pod into the document.</summary>
    public void Replace(YamlMapping pod)
    {
        _metadataHolder["metadata"] = pod.Mapping("metadata")!;
        _specHolder["spec"] = pod.Mapping("spec")!;
        if (!ReferenceEquals(_document, _specHolder) && _document.Mapping("spec") is { } spec)
        {
            var shape = Owner.Kind == "DeploymentConfig" ? "DeploymentConfigSpec" : "WorkloadSpec";
            _document["spec"] = NodeNormalizer.Normalize(spec, ShapeCatalog.Pod[shape], "spec");
        }
    }
}
