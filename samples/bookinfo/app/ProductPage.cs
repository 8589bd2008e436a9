using System.Net;
using System.Text;
using System.Text.Json.Nodes;

namespace Bookinfo;

/// <summary>GET /productpage: the page that joins the other services; GET /api/v1/products/ID as JSON.</summary>
internal sealed class ProductPage(Backend details, Backend reviews) : IService
{
    public void Map(WebApplication app)
    {
        app.MapGet("/", () => Results.Redirect("/productpage"));
        app.MapGet("/productpage", async (HttpRequest request) => Results.Text(await PageAsync(request), "text/html; charset=utf-8"));
        app.MapGet("/api/v1/products/{id:int}", async (int id, HttpRequest request) =>
            await details.GetAsync($"details/{id}", request) is { } found
                ? Results.Text(found, "application/json")
                : Results.Text("""{"error":"details are not available"}""", "application/json", statusCode: 503));
    }

    private async Task<string> PageAsync(HttpRequest request)
    {
        Task<string?> bookTask = details.GetAsync("details/0", request);
        string? found = await reviews.GetAsync("reviews/0", request);
        string? book = await bookTask;

        StringBuilder page = new();
        page.Append("<!DOCTYPE html>\n<html><head><title>Simple Bookstore App</title></head>\n<body>\n<h1>The Comedy of Errors</h1>\n");
        AppendBook(page, book is null ? null : JsonNode.Parse(book));
        AppendReviews(page, found is null ? null : JsonNode.Parse(found));
        return page.Append("</body></html>\n").ToString();
    }

    private static void AppendBook(StringBuilder page, JsonNode? book)
    {
        page.Append("<h2>Book Details</h2>\n");
        if (book is not JsonObject fields)
        {
            page.Append("<p>Sorry, product details are currently unavailable for this book.</p>\n");
            return;
        }

        page.Append("<dl>\n");
        foreach ((string name, JsonNode? value) in fields)
        {
            page.Append($"<dt>{WebUtility.HtmlEncode(name)}</dt><dd>{WebUtility.HtmlEncode(value?.ToString())}</dd>\n");
        }

        page.Append("</dl>\n");
    }

    private static void AppendReviews(StringBuilder page, JsonNode? found)
    {
        page.Append("<h2>Book Reviews</h2>\n");
        if (found?["reviews"] is not JsonArray list)
        {
            page.Append("<p>Sorry, product reviews are currently unavailable for this book.</p>\n");
            return;
        }

        foreach (JsonNode? review in list)
        {
            page.Append($"<blockquote>{WebUtility.HtmlEncode(review?["text"]?.ToString())} <cite>{review?["reviewer"]}</cite>");
            if (review?["rating"] is JsonObject rating)
            {
                page.Append(rating["error"] is { } error
                    ? $" <i>{error}</i>"
                    : $" <font color=\"{rating["color"]}\">{new string('*', rating["stars"]!.GetValue<int>())}</font>");
            }

            page.Append("</blockquote>\n");
        }

        page.Append($"<p>Reviews served by: <u>{found["podname"]}</u> version <b>{found["version"]}</b></p>\n");
    }
}
