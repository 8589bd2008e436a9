using System.Text.RegularExpressions;
using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Merging;

namespace Pilotfish.ControlPlane.Injection;

/// <summary>The workload that a pod belongs to: what ISTIO_META_OWNER and ISTIO_META_WORKLOAD_NAME name.</summary>
internal sealed partial record WorkloadOwner(string ApiVersion, string Kind, string Namespace, string Name)
{
    /// <summary>The owner of a bare pod, guessed from its controller: Kubernetes names a Deployment's ReplicaSets and a
    /// CronJob's Jobs after it, and the pod carries the hash that was appended.</summary>
    public static WorkloadOwner OfPod(YamlMapping pod)
    {
        var metadata = pod.Mapping("metadata");
        var name = metadata?.Text("name") ?? "";
        var self = new WorkloadOwner("v1", "Pod", metadata?.Text("namespace") ?? "", name);
        // Only generated names belong to pods that a controller made.
        var controller = metadata.Items("ownerReferences").FirstOrDefault(reference => reference.IsTrueAt("controller"));
        if (string.IsNullOrEmpty(metadata?.Text("generateName")) || controller is null)
        {
            return self;
        }

        var owner = self with
        {
            ApiVersion = controller.Text("apiVersion") ?? "",
            Kind = controller.Text("kind") ?? "",
            Name = controller.Text("name") ?? "",
        };
        var guessed = owner.Kind switch
        {
            "ReplicaSet" => OfReplicaSet(owner, metadata),
            "ReplicationController" when Label(metadata, "deploymentconfig") is { Length: > 0 } config =>
                owner with { Kind = "DeploymentConfig", Name = config },
            "Job" when CronJobName().Match(owner.Name) is { Success: true } match =>
                owner with { Kind = "CronJob", ApiVersion = "batch/v1", Name = match.Groups[1].Value },
            _ => owner,
        };
        return guessed.Name.Length == 0 ? guessed with { Name = name } : guessed;
    }

    private static WorkloadOwner OfReplicaSet(WorkloadOwner owner, YamlMapping? metadata)
    {
        if (TrimHash(owner.Name, Label(metadata, "pod-template-hash")) is { } deployment)
        {
            return owner with { Kind = "Deployment", Name = deployment };
        }

        return TrimHash(owner.Name, Label(metadata, "rollouts-pod-template-hash")) is { } rollout
            ? owner with { Kind = "Rollout", ApiVersion = "v1alpha1", Name = rollout }
            : owner;
    }

    private static string? TrimHash(string name, string? hash)
    {
        if (string.IsNullOrEmpty(hash) || !name.EndsWith(hash, StringComparison.Ordinal))
        {
            return null;
        }

        return name.EndsWith("-" + hash, StringComparison.Ordinal) ? name[..^(hash.Length + 1)] : name;
    }

    private static string? Label(YamlMapping? metadata, string name) => metadata.TextAt("labels", name);

    /// <summary>A CronJob's Jobs end in the minute they were scheduled for.</summary>
    [GeneratedRegex(@"^(.+)-\d{8,10}$")]
    private static partial Regex CronJobName();
}
