using System.Text.Json;
using System.Text.Json.Nodes;

namespace Bookinfo;

/// <summary>GET /reviews/ID: v1 has no stars, v2 black stars, v3 red stars; stars come from the ratings service.</summary>
internal sealed class Reviews(string version, Backend ratings) : IService
{
    public void Map(WebApplication app) => app.MapGet("/reviews/{id:int}", async (int id, HttpRequest request) =>
        Results.Text(await ReviewsAsync(id, request), "application/json"));

    private async Task<string> ReviewsAsync(int id, HttpRequest request)
    {
        JsonObject? stars = version == "v1" ? null : await StarsAsync(id, request);
        return new JsonObject
        {
            ["id"] = id,
            ["podname"] = Environment.MachineName,
            ["version"] = version,
            ["reviews"] = new JsonArray(
                Review("Reviewer1", "An extremely entertaining play.", stars),
                Review("Reviewer2", "Absolutely fun and entertaining.", stars)),
        }.ToJsonString();
    }

    private JsonObject Review(string reviewer, string text, JsonObject? stars)
    {
        JsonObject review = new() { ["reviewer"] = reviewer, ["text"] = text };
        if (version != "v1")
        {
            review["rating"] = stars?[reviewer] is { } count
                ? new JsonObject { ["stars"] = count.DeepClone(), ["color"] = version == "v2" ? "black" : "red" }
                : new JsonObject { ["error"] = "Ratings service is currently unavailable" };
        }

        return review;
    }

    private async Task<JsonObject?> StarsAsync(int id, HttpRequest request)
    {
        string? body = await ratings.GetAsync($"ratings/{id}", request);
        if (body is null)
        {
            return null;
        }

        try
        {
            return JsonNode.Parse(body)?["ratings"] as JsonObject;
        }
        catch (JsonException)
        {
            // A broken answer of the ratings service shows as "unavailable", not as a broken page.
            return null;
        }
    }
}
