using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Configuration;
using Pilotfish.ControlPlane.Injection.Shapes;
using Pilotfish.Language.GoTemplates;

namespace Pilotfish.ControlPlane.Injection.Templates;

/// <summary>What a template gets as its data, under the names of Istio's templates.</summary>
internal static class TemplateData
{
    /// <param name="pod">The pod without what an earlier injection added.</param>
    public static GoValue Create(InjectionSettings settings, InjectionMesh mesh, InjectionSubject subject, YamlMapping pod)
    {
        var ids = OpenShiftIds.Of(subject.NamespaceAnnotations);
        var owner = subject.Owner;
        var data = new GoMap();
        data["TypeMeta"] = Map(("APIVersion", owner.ApiVersion), ("Kind", owner.Kind));
        data["DeploymentMeta"] = Map(("Name", owner.Name), ("Namespace", owner.Namespace));
        data["ObjectMeta"] = Shaped(pod.Mapping("metadata") ?? new YamlMapping(), ShapeCatalog.Pod["ObjectMeta"]);
        data["Spec"] = Shaped(pod.Mapping("spec") ?? new YamlMapping(), ShapeCatalog.Pod["PodSpec"]);
        data["ProxyConfig"] = Shaped(mesh.ProxyConfig, ProxyConfigMerge.Shape);
        data["MeshConfig"] = Shaped(mesh.Node, ShapeCatalog.Mesh["MeshConfig"]);
        data["Values"] = NodeValues.ToValue(settings.Values);
        data["Revision"] = GoValue.From(settings.Revision);
        data["NativeSidecars"] = GoValue.From(settings.NativeSidecars);
        data["ProxyImage"] = GoValue.From(ProxyImages.Proxy(settings.Values, mesh.ProxyConfig, pod));
        data["ProxyInitImage"] = GoValue.From(ProxyImages.Init(settings.Values, pod));
        data["ProxyUID"] = GoValue.From(ids.User);
        data["ProxyGID"] = GoValue.From(ids.Group);
        data["InboundTrafficPolicyMode"] = GoValue.From(mesh.DeliversToLocalhost ? "localhost" : "passthrough");
        data["CompliancePolicy"] = GoValue.From(settings.CompliancePolicy);
        return GoValue.From(data);
    }

    private static GoValue Shaped(YamlMapping node, StructShape shape) => GoValue.From(new ShapedObject(node, shape));

    private static GoValue Map(params ReadOnlySpan<(string Key, string Value)> entries)
    {
        var map = new GoMap(hasStringValues: true);
        foreach (var (key, value) in entries)
        {
            map[key] = GoValue.From(value);
        }

        return GoValue.From(map);
    }
}
