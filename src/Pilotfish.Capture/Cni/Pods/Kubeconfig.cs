using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Pilotfish.Api.Yaml;

namespace Pilotfish.Capture.Cni.Pods;

/// <summary>The current context of a kubeconfig: a server, whom to trust, and a bearer token or client certificate.</summary>
internal sealed record Kubeconfig(
    Uri Server, X509Certificate2Collection? Authorities, bool SkipVerification, string Token, X509Certificate2? Client)
{
    /// <exception cref="PodLookupException">The file is missing or does not hold what a client needs.</exception>
    public static Kubeconfig Load(string path)
    {
        try
        {
            return Read(path, File.ReadAllText(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new PodLookupException(
                $"The kubeconfig '{path}' cannot be read ({e.Message}). 'install-cni' writes it: look whether the node's "
                + "istio-cni pod runs.", e);
        }
    }

    private static Kubeconfig Read(string path, string text)
    {
        YamlMapping root = Root(path, text);
        string contextName = root.Text("current-context") ?? string.Empty;
        YamlMapping context = Named(root, "contexts", "context", contextName)
            ?? throw Broken(path, $"current-context '{contextName}' is not among contexts");
        YamlMapping cluster = Named(root, "clusters", "cluster", context.Text("cluster") ?? string.Empty)
            ?? throw Broken(path, $"cluster '{context.Text("cluster")}' is not among clusters");
        YamlMapping? user = Named(root, "users", "user", context.Text("user") ?? string.Empty);
        bool isServer = Uri.TryCreate(cluster.Text("server"), UriKind.Absolute, out Uri? server)
            && server.Scheme is "http" or "https";
        if (!isServer)
        {
            throw Broken(path, $"server '{cluster.Text("server")}' is no http or https address");
        }

        try
        {
            return new Kubeconfig(
                server!,
                ReadAuthorities(cluster),
                cluster.Text("insecure-skip-tls-verify") == "true",
                ReadToken(user),
                ReadClient(user));
        }
        catch (Exception e) when (e is FormatException or CryptographicException)
        {
            throw Broken(path, $"a certificate, key or token in it cannot be read: {e.Message}");
        }
    }

    private static YamlMapping Root(string path, string text)
    {
        YamlParseResult parsed = YamlDocuments.Parse(text, path);
        return parsed.Errors.Count == 0 && parsed.Documents is [YamlMapping root]
            ? root
            : throw Broken(path, parsed.Errors.Count > 0 ? parsed.Errors[0].ToString()! : "it is not one mapping");
    }

    private static YamlMapping? Named(YamlMapping root, string list, string key, string name)
    {
        foreach (YamlNode item in root.Sequence(list)?.Items ?? [])
        {
            if (item is YamlMapping entry && entry.Text("name") == name)
            {
                return entry.Mapping(key);
            }
        }

        return null;
    }

    private static X509Certificate2Collection? ReadAuthorities(YamlMapping cluster)
    {
        string? pem = Pem(cluster, "certificate-authority-data", "certificate-authority");
        if (pem is null)
        {
            return null;
        }

        var authorities = new X509Certificate2Collection();
        authorities.ImportFromPem(pem);
        return authorities;
    }

    private static string ReadToken(YamlMapping? user)
    {
        if (user?.Text("tokenFile") is { } file)
        {
            return File.ReadAllText(file).Trim();
        }

        return user?.Text("token")?.Trim() ?? string.Empty;
    }

    private static X509Certificate2? ReadClient(YamlMapping? user)
    {
        string? certificate = user is null ? null : Pem(user, "client-certificate-data", "client-certificate");
        string? key = user is null ? null : Pem(user, "client-key-data", "client-key");
        return certificate is null || key is null ? null : X509Certificate2.CreateFromPem(certificate, key);
    }

    private static string? Pem(YamlMapping from, string dataKey, string fileKey)
    {
        if (from.Text(dataKey) is { } data)
        {
            return Encoding.ASCII.GetString(Convert.FromBase64String(data));
        }

        return from.Text(fileKey) is { } file ? File.ReadAllText(file) : null;
    }

    private static PodLookupException Broken(string path, string what) => new($"The kubeconfig '{path}' cannot be used: {what}.");
}
