using Istio.Telemetry.V1Alpha1;
using Pilotfish.ControlPlane.Config;
using Pilotfish.ControlPlane.Translation.Shared;

namespace Pilotfish.ControlPlane.Push;

/// <summary>
/// Names of access log providers that lead nowhere. Istio passes over them in silence, and so a typing error means that nothing is logged; here the
/// person who runs the mesh is told. Nothing is refused: the provider, or its service, may come later.
/// </summary>
internal static class LogProviderProblems
{
    /// <summary>One sentence each, beginning with the object's place.</summary>
    public static IReadOnlyList<string> Find(PushContext push)
    {
        var found = new List<string>();
        foreach (var item in push.Snapshot.OfKind(ConfigKind.Telemetry))
        {
            var rules = item.As<Telemetry>().AccessLogging;
            for (var i = 0; i < rules.Count; i++)
            {
                for (var j = 0; j < rules[i].Providers.Count; j++)
                {
                    Check(push, rules[i].Providers[j].Name,
                        $"{item.Origin}: Telemetry '{item.Meta.Namespace}/{item.Meta.Name}': spec.accessLogging[{i}].providers[{j}].name", found);
                }
            }
        }

        var defaults = push.Mesh.DefaultProviders?.AccessLogging;
        for (var i = 0; i < (defaults?.Count ?? 0); i++)
        {
            Check(push, defaults![i], $"mesh configuration: defaultProviders.accessLogging[{i}]", found);
        }

        return found;
    }

    private static void Check(PushContext push, string name, string place, List<string> found)
    {
        var provider = AccessLogProviders.Find(push.Mesh, name);
        if (provider is null)
        {
            var known = string.Join(", ", push.Mesh.ExtensionProviders.Where(AccessLogProviders.Logs).Select(static known => known.Name));
            found.Add($"{place}: there is no provider '{name}' in the mesh configuration's extensionProviders, so it logs nothing; there are {known}");
        }
        else if (!AccessLogProviders.Logs(provider))
        {
            found.Add($"{place}: the provider '{provider.Name}' is no access logger, so it logs nothing");
        }
        else if (AccessLogProviders.Build(push, name) is null)
        {
            found.Add($"{place}: the service of the provider '{provider.Name}' is not known, or several namespaces have one of its name "
                + "(write namespace/hostname), so it logs nothing");
        }
    }
}
