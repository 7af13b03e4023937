// The storefront finds its own way: a path that names no file is the page itself.
// An error page of the distribution would do the same to the API's 404 and 403.
function handler(event) {
    var request = event.request;
    var last = request.uri.substring(request.uri.lastIndexOf('/') + 1);
    if (last.indexOf('.') === -1) {
        request.uri = '/index.html';
    }
    return request;
}
