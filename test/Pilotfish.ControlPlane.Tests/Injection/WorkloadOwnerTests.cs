using Pilotfish.ControlPlane.Injection;

namespace Pilotfish.ControlPlane.Tests.Injection;

public sealed class WorkloadOwnerTests
{
    [Theory]
    [InlineData("ReplicaSet", "apps/v1", "web-5d4f", "{pod-template-hash: 5d4f}", "apps/v1 Deployment web")]
    [InlineData("ReplicaSet", "apps/v1", "web-5d4f", "{}", "apps/v1 ReplicaSet web-5d4f")]
    [InlineData("ReplicaSet", "apps/v1", "web-5d4f", "{rollouts-pod-template-hash: 5d4f}", "v1alpha1 Rollout web")]
    [InlineData("ReplicationController", "v1", "web-3", "{deploymentconfig: web}", "v1 DeploymentConfig web")]
    [InlineData("ReplicationController", "v1", "web-3", "{}", "v1 ReplicationController web-3")]
    [InlineData("Job", "batch/v1", "backup-27893412", "{}", "batch/v1 CronJob backup")]
    [InlineData("Job", "batch/v1", "backup-123", "{}", "batch/v1 Job backup-123")]
    [InlineData("StatefulSet", "apps/v1", "db", "{}", "apps/v1 StatefulSet db")]
    public void OfPod_ByItsController_GuessesTheWorkload(
        string kind, string version, string controller, string labels, string expected)
    {
        var owner = WorkloadOwner.OfPod(Yaml.Map(
            $"metadata: {{generateName: {controller}-, namespace: n, labels: {labels}, ownerReferences: "
            + $"[{{kind: Other, name: o, apiVersion: v1}}, {{kind: {kind}, name: {controller}, apiVersion: {version}, controller: true}}]}}"));

        Assert.Equal(expected, $"{owner.ApiVersion} {owner.Kind} {owner.Name}");
        Assert.Equal("n", owner.Namespace);
    }

    [Fact]
    public void OfPod_WithAFixedName_IsThePod()
    {
        var owner = WorkloadOwner.OfPod(Yaml.Map(
            "metadata: {name: p, ownerReferences: [{kind: Node, name: n, apiVersion: v1, controller: true}]}"));

        Assert.Equal(new WorkloadOwner("v1", "Pod", "", "p"), owner);
    }
}
