using Pilotfish.ControlPlane.Registry;
using Pilotfish.ControlPlane.Translation.Names;

namespace Pilotfish.ControlPlane.Translation.Routes;

/// <summary>
/// The names by which a proxy's application may call a service. Ports are not part of them: matching ignores the port.
/// </summary>
internal static class VirtualHostDomains
{
    private const string ServiceInfix = ".svc.";

    /// <summary>All domains in order, and which of them are short forms that a service of exactly that name would outrank.</summary>
    public static (List<string> Domains, List<string> ShortForms) Of(MeshService service, string proxyDomain, bool dualStack)
    {
        var domains = new List<string>();
        var shortForms = new List<string>();
        AddHost(service.Hostname, proxyDomain, domains, shortForms);
        foreach (var alias in service.Aliases)
        {
            AddHost(alias, proxyDomain, domains, shortForms);
        }

        if (service.IsHeadlessKubernetes)
        {
            // Single pods of a headless service are called by names below it.
            domains.AddRange(domains.ConvertAll(static domain => "*." + domain));
        }

        var addresses = dualStack ? service.Addresses : service.Addresses.Take(1);
        foreach (var address in addresses)
        {
            domains.Add(ListenerNames.Bracket(address));
        }

        return (domains, shortForms);
    }

    private static void AddHost(string host, string proxyDomain, List<string> domains, List<string> shortForms)
    {
        domains.Add(ListenerNames.Bracket(host));
        var forms = ShortForms(host, proxyDomain);
        domains.AddRange(forms);
        shortForms.AddRange(forms);
    }

    private static List<string> ShortForms(string host, string proxyDomain)
    {
        var forms = new List<string>();
        if (!System.Net.IPAddress.TryParse(host, out _))
        {
            forms.Add(host + ".");
        }

        var suffix = proxyDomain.IndexOf(ServiceInfix, StringComparison.Ordinal);
        if (suffix > 0)
        {
            if (host.EndsWith(proxyDomain[suffix..], StringComparison.Ordinal))
            {
                AddKubernetesForms(host, proxyDomain[..suffix], forms);
            }

            return forms;
        }

        AddSharedDomainForms(host, proxyDomain, forms);
        return forms;
    }

    private static void AddKubernetesForms(string host, string proxyNamespace, List<string> forms)
    {
        var infix = host.IndexOf(ServiceInfix, StringComparison.Ordinal);
        var dot = host.IndexOf('.', StringComparison.Ordinal);
        if (infix <= 0 || dot + 1 >= host.Length || dot + 1 > infix)
        {
            return;
        }

        var qualified = host[..infix];
        if (host[(dot + 1)..infix] == proxyNamespace)
        {
            forms.Add(host[..dot]);
            forms.Add(qualified + ".svc");
            forms.Add(qualified);
        }
        else
        {
            forms.Add(qualified);
            forms.Add(qualified + ".svc");
        }
    }

    // Proxies outside Kubernetes: what remains of the host after the part that it shares with the proxy's domain.
    private static void AddSharedDomainForms(string host, string proxyDomain, List<string> forms)
    {
        var hostParts = host.Split('.');
        var domainParts = proxyDomain.Split('.');
        var shared = 0;
        while (shared < Math.Min(hostParts.Length, domainParts.Length) && hostParts[^(shared + 1)] == domainParts[^(shared + 1)])
        {
            shared++;
        }

        if (shared == 0)
        {
            return;
        }

        var unique = string.Join('.', hostParts[..^shared]);
        forms.Add(unique);
        if (hostParts.Length - shared == 2)
        {
            forms.Add($"{unique}.{hostParts[^shared]}");
        }
    }
}
