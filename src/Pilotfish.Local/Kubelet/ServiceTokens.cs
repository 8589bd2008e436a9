using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Pilotfish.Local.Pods;

namespace Pilotfish.Local.Kubelet;

/// <summary>
/// The API server's role for projected tokens: JWTs (RFC 7519) that say which pod and account holds them, signed
/// with a key of this mesh's run (ES256).
/// </summary>
internal sealed class ServiceTokens : IDisposable
{
    private const string Issuer = "https://kubernetes.default.svc";

    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public string Issue(PodSpec pod, string audience, TimeSpan lifetime, DateTimeOffset now)
    {
        string account = $"system:serviceaccount:{pod.Name.Namespace}:{pod.ServiceAccount}";
        var claims = new JsonObject
        {
            ["aud"] = new JsonArray(audience.Length > 0 ? audience : Issuer),
            ["exp"] = (now + lifetime).ToUnixTimeSeconds(),
            ["iat"] = now.ToUnixTimeSeconds(),
            ["iss"] = Issuer,
            ["kubernetes.io"] = new JsonObject
            {
                ["namespace"] = pod.Name.Namespace,
                ["pod"] = new JsonObject { ["name"] = pod.Name.Name, ["uid"] = pod.Uid },
                ["serviceaccount"] = new JsonObject { ["name"] = pod.ServiceAccount },
            },
            ["nbf"] = now.ToUnixTimeSeconds(),
            ["sub"] = account,
        };
        string signed = $"{Encode("""{"alg":"ES256","typ":"JWT"}""")}.{Encode(claims.ToJsonString())}";
        byte[] signature = _key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256);
        return $"{signed}.{Base64Url.EncodeToString(signature)}";
    }

    public void Dispose() => _key.Dispose();

    private static string Encode(string json) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(json));
}
