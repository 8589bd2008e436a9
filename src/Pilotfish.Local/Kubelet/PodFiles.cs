using System.Net;
using System.Text;
using Pilotfish.Local.Network;
using Pilotfish.Local.Pods;

namespace Pilotfish.Local.Kubelet;

/// <summary>The files by which a pod knows its own name and asks for others'.</summary>
internal static class PodFiles
{
    public const string ClusterDomain = "cluster.local";

    /// <summary>Writes them into the pod's folder: path in the container to path on the host.</summary>
    public static IReadOnlyDictionary<string, string> Write(PodSpec pod, string folder, IPAddress address)
    {
        string ns = pod.Name.Namespace;
        var hosts = new StringBuilder("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
        string fullName = pod.Subdomain.Length > 0
            ? $"{pod.Hostname}.{pod.Subdomain}.{ns}.svc.{ClusterDomain}\t{pod.Hostname}"
            : pod.Hostname;
        hosts.Append(address).Append('\t').Append(fullName).Append('\n');
        foreach ((string ip, string name) in pod.HostAliases)
        {
            hosts.Append(ip).Append('\t').Append(name).Append('\n');
        }

        string resolver = $"nameserver {AddressPlan.Dns}\n"
            + $"search {ns}.svc.{ClusterDomain} svc.{ClusterDomain} {ClusterDomain}\noptions ndots:5\n";
        return new Dictionary<string, string>
        {
            ["/etc/hosts"] = Put(folder, "hosts", hosts.ToString()),
            ["/etc/resolv.conf"] = Put(folder, "resolv.conf", resolver),
            ["/etc/hostname"] = Put(folder, "hostname", pod.Hostname + "\n"),
        };
    }

    private static string Put(string folder, string name, string text)
    {
        string path = Path.Combine(folder, name);
        File.WriteAllText(path, text);
        return path;
    }
}
