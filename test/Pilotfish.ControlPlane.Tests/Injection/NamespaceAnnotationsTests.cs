using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Config;
using Pilotfish.ControlPlane.Injection;
using Pilotfish.ControlPlane.Sources.Objects;

namespace Pilotfish.ControlPlane.Tests.Injection;

public sealed class NamespaceAnnotationsTests
{
    [Fact]
    public void Of_KnownNamespace_ChoosesTheProxysIdsOnOpenShift()
    {
        ReadObjects read = new ObjectReader("cluster.local").Read(
            """
            apiVersion: v1
            kind: Namespace
            metadata:
              name: shop
              annotations: {openshift.io/sa.scc.uid-range: 1000620000/10000, openshift.io/sa.scc.supplemental-groups: 1000620000/10000}
            """u8,
            "ns.yaml");
        ConfigSnapshot snapshot = ConfigSnapshot.Empty.ReplaceAll(read.Objects).Next;

        YamlMapping injected = Injecting.Pod(
            "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: shop}, spec: {containers: [{name: app, image: x}]}}",
            namespaceAnnotations: NamespaceAnnotations.Of(snapshot, "shop"));

        Assert.Contains("runAsUser: 1000629999", YamlEmitter.Emit(injected), StringComparison.Ordinal);
        Assert.Null(NamespaceAnnotations.Of(snapshot, "other"));
    }
}
