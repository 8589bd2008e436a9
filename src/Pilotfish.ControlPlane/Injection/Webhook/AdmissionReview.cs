using System.Text;
using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Merging;

namespace Pilotfish.ControlPlane.Injection.Webhook;

/// <summary>Kubernetes' AdmissionReview in both its versions: what a webhook is asked, and the forms of its answer.</summary>
internal sealed class AdmissionReview
{
    private const string Group = "admission.k8s.io/";
    private const string ReviewKind = "AdmissionReview";

    private AdmissionReview(string apiVersion, YamlMapping? request)
    {
        ApiVersion = apiVersion;
        Request = request;
    }

    /// <summary>The version that was asked in, which the answer must have too; empty where the question was unreadable.</summary>
    public string ApiVersion { get; }

    public YamlMapping? Request { get; }

    /// <summary>Reads a review; on failure the error is for the API server's caller.</summary>
    public static (AdmissionReview Review, string? Error) Parse(ReadOnlySpan<byte> body)
    {
        var parsed = YamlDocuments.Parse(body, "request");
        if (!parsed.IsOk || parsed.Documents is not [YamlMapping document])
        {
            var reason = parsed.IsOk ? "it is no JSON object" : parsed.Errors[0].ToString();
            return (new AdmissionReview("", null), $"could not decode body: {reason}");
        }

        var apiVersion = document.Text("apiVersion") ?? "";
        if (document.Text("kind") != ReviewKind || apiVersion is not (Group + "v1" or Group + "v1beta1"))
        {
            return (new AdmissionReview("", null),
                $"could not decode body: no kind '{document.Text("kind")}' is known in version '{apiVersion}'; "
                + $"expected {ReviewKind} in {Group}v1 or {Group}v1beta1");
        }

        var review = new AdmissionReview(apiVersion, document.Mapping("request"));
        return (review, review.Request is null ? "could not decode body: the review has no request" : null);
    }

    /// <summary>The object passes; with a patch, it passes changed.</summary>
    public string Allow(YamlSequence? patch = null, IEnumerable<string>? warnings = null)
    {
        var response = NewResponse(isAllowed: true);
        if (patch is not null)
        {
            response.Set("patch", Convert.ToBase64String(Encoding.UTF8.GetBytes(NodeJson.Print(patch))));
            response.Set("patchType", "JSONPatch");
        }

        foreach (var warning in warnings ?? [])
        {
            response.EnsureList("warnings").Items.Add(YamlScalar.String(warning));
        }

        return Print(response);
    }

    /// <summary>The object is refused. This, too, is a successful HTTP exchange: the API server reads the message from it.</summary>
    public string Refuse(string message)
    {
        var response = NewResponse(isAllowed: false);
        var status = response.Ensure("status");
        status["metadata"] = new YamlMapping();
        status.Set("message", message);
        return Print(response);
    }

    private YamlMapping NewResponse(bool isAllowed)
    {
        var response = new YamlMapping();
        response.Set("uid", Request?.Text("uid") ?? "");
        response["allowed"] = YamlScalar.Boolean(isAllowed);
        return response;
    }

    private string Print(YamlMapping response)
    {
        var review = new YamlMapping();
        if (ApiVersion.Length > 0)
        {
            review.Set("kind", ReviewKind);
            review.Set("apiVersion", ApiVersion);
        }

        review["response"] = response;
        return NodeJson.Print(review);
    }
}
