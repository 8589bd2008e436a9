using System.Text;
using Pilotfish.Api.Yaml;

namespace Pilotfish.Capture.Cni.Install;

/// <summary>The kubeconfig that the plugin on the node uses: the API server by its service address, this pod's token.</summary>
internal static class KubeconfigText
{
    private const string Cluster = "local";
    private const string User = "istio-cni";
    private const string Context = "istio-cni-context";

    public static string Make(InstallOptions options)
    {
        string token = Read(options.TokenFile, "the service account's token").Trim();
        string trust = options.SkipVerify
            ? "insecure-skip-tls-verify: true"
            : "certificate-authority-data: " + Convert.ToBase64String(Encoding.UTF8.GetBytes(
                Read(options.CaFile, "the API server's authorities")));
        return $"""
            apiVersion: v1
            kind: Config
            clusters:
            - name: {Cluster}
              cluster:
                server: {Quote(options.Server)}
                {trust}
            users:
            - name: {User}
              user:
                token: {Quote(token)}
            contexts:
            - name: {Context}
              context:
                cluster: {Cluster}
                user: {User}
            current-context: {Context}

            """;
    }

    private static string Quote(string text) => NodeJson.Print(YamlScalar.String(text));

    private static string Read(string path, string what)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CaptureException(
                $"'{path}' ({what}) cannot be read: {e.Message} install-cni runs in a pod with a service account; "
                + $"--{InstallFlags.AccountDir} and --{InstallFlags.CaFile} name other places.");
        }
    }
}
