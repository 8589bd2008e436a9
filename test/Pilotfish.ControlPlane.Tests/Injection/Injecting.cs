using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection;
using Pilotfish.ControlPlane.Injection.Configuration;

namespace Pilotfish.ControlPlane.Tests.Injection;

/// <summary>Settings and injections for tests that care about one part of them.</summary>
internal static class Injecting
{
    public static InjectionSettings Settings(params string[] assignments)
    {
        var installation = InstallationValues.Create(new YamlMapping(), assignments);
        var values = installation.Values(null, "");
        return new InjectionSettings
        {
            Config = InjectionConfig.FromValues(values, _ => null),
            Values = values,
            Mesh = installation.Mesh(values),
            NativeSidecars = true,
        };
    }

    public static YamlMapping Pod(string pod, InjectionSettings? settings = null, YamlMapping? namespaceAnnotations = null) =>
        new Injector(settings ?? Settings()).Inject(Yaml.Map(pod), namespaceAnnotations: namespaceAnnotations);

    /// <summary>A pod with one container and the given annotations.</summary>
    public static YamlMapping WithAnnotations(string annotations, InjectionSettings? settings = null) => Pod(
        $"{{apiVersion: v1, kind: Pod, metadata: {{name: a, annotations: {annotations}}}, spec: {{containers: [{{name: app, image: x}}]}}}}",
        settings);
}
