using Pilotfish.ControlPlane.Validation;

namespace Pilotfish.ControlPlane.Injection.Webhook;

/// <summary>The validating webhook: refuses Istio objects that no proxy could be configured from.</summary>
public static class ValidationWebhook
{
    public static string Answer(ReadOnlySpan<byte> body)
    {
        var (review, error) = AdmissionReview.Parse(body);
        if (error is not null)
        {
            return review.Refuse(error);
        }

        // What is deleted or connected to cannot do harm.
        if (review.Request!.Text("operation") is not (null or "CREATE" or "UPDATE"))
        {
            return review.Allow();
        }

        if (review.Request.Mapping("object") is not { } document)
        {
            return review.Refuse("cannot decode configuration: the request has no object");
        }

        var sentences = ConfigValidator.Check(document);
        return sentences.Count == 0
            ? review.Allow()
            : review.Refuse($"configuration is invalid: {string.Join("; ", sentences)}");
    }
}
