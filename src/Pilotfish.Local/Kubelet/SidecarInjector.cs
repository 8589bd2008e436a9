using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection;
using Pilotfish.ControlPlane.Injection.Configuration;
using Pilotfish.Local.Manifests;

namespace Pilotfish.Local.Kubelet;

/// <summary>
/// The admission webhook's role: the control plane's own injector, with the mesh configuration of the manifests
/// (ConfigMap istio-system/istio, key `mesh`), read again whenever that changes.
/// </summary>
internal sealed class SidecarInjector(Action<string> report) : IPodInjector
{
    /// <summary>Inside the node's namespace nobody listens in; the mesh has no certificates yet, so xDS is plaintext.</summary>
    private static readonly string[] s_assignments =
    [
        "meshConfig.defaultConfig.discoveryAddress=istiod.istio-system.svc:15010",
    ];

    private string? _meshText;
    private Injector? _injector;

    public YamlMapping Inject(YamlMapping pod, ManifestSet manifests)
    {
        try
        {
            string ns = pod.MappingOf("metadata")?.TextOf("namespace") ?? ObjectName.DefaultNamespace;
            return Current(manifests).InjectIfSelected(pod, manifests.NamespaceLabels(ns), report);
        }
        catch (InjectionException e)
        {
            throw new ManifestException(pod.Position, $"The sidecar cannot be injected: {e.Message}");
        }
    }

    private Injector Current(ManifestSet manifests)
    {
        ManifestObject? map = manifests.Find("ConfigMap", new ObjectName("istio-system", "istio"));
        string text = map?.Root.TextMapOf("data").GetValueOrDefault("mesh") ?? string.Empty;
        if (_injector is null || text != _meshText)
        {
            YamlParseResult parsed = YamlDocuments.Parse(text, "mesh");
            if (!parsed.IsOk)
            {
                throw new ManifestException(map!.Root.Position, $"The mesh configuration is no YAML: {parsed.Errors[0].Message}");
            }

            YamlMapping? own = parsed.Documents is [YamlMapping first, ..] ? first : null;
            _injector = new Injector(InjectionSettings.ForInstallation(s_assignments, own, nativeSidecars: true));
            _meshText = text;
        }

        return _injector;
    }
}
